# What aligned models are used for: translation and morphing.


rule translate:
    input:
        unpack(lambda w: EXPERIMENT.translate_inputs(w.model, w.way)),
    output:
        images="results/translation/{model}/{way}/images.zip",
        sheet=report(
            "results/translation/{model}/{way}/sheet.png",
            caption="../report/translation.rst",
            category="Translation",
            labels={"model": "{model}", "way": "{way}"},
        ),
    log:
        "results/logs/translate/{model}/{way}.log",
    benchmark:
        "results/benchmarks/translate/{model}/{way}.tsv"
    wildcard_constraints:
        way=one_of([*RUN.inversion_spaces, *GUIDES, LAYER_SWAP]),
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("translate"),
        runtime=minutes("translate"),
    params:
        inputs=lambda w, input: flags(**input),
        settings=lambda w: EXPERIMENT.translate_settings(w.way),
        out_dir=subpath(output.images, parent=True),
        version=version("translate"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign translate {params.inputs}"
        " --out-dir {params.out_dir} --settings {params.settings:q} &> {log}"


# The parent's coarse layers with the child's fine ones.
rule blend:
    input:
        first=lambda w: model_file(aligned_parent(w.child)),
        second=lambda w: model_file(w.child),
    output:
        model="results/translation/{child}/layer-swap/model.safetensors",
    log:
        "results/logs/blend/{child}.log",
    benchmark:
        "results/benchmarks/blend/{child}.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("blend"),
        runtime=minutes("blend"),
    params:
        settings=as_json(RUN.layer_swap),
        version=version("blend"),
    shell:
        "stylealign blend {input.first} {input.second} --out {output.model} --settings {params.settings:q} &> {log}"


# What a translation has to beat: images of the child that know nothing of the sources.
rule random_samples:
    input:
        model=lambda w: model_file(w.child),
    output:
        images="results/translation/{child}/random/images.zip",
    log:
        "results/logs/random_samples/{child}.log",
    benchmark:
        "results/benchmarks/random_samples/{child}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("random_samples"),
        runtime=minutes("random_samples"),
    params:
        seeds=lambda w: EXPERIMENT.random_seeds(w.child),
        truncation_psi=RUN.translation.truncation_psi,
        version=version("generate"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign generate {input.model} --seeds {params.seeds}"
        " --truncation-psi {params.truncation_psi} --zip {output.images} &> {log}"


rule morph:
    input:
        codes=lambda w: f"results/latents/{aligned_parent(w.child)}/{EXPERIMENT.detailed_space()}/codes.npz",
        target_codes=lambda w: f"results/latents/{w.child}/{EXPERIMENT.detailed_space()}/codes.npz",
        source=lambda w: model_file(aligned_parent(w.child)),
        target=lambda w: model_file(w.child),
        weights=weights_of(RUN.morphing.perceptual),
    output:
        video=report(
            "results/morphing/{child}/morph.mp4",
            caption="../report/morphing.rst",
            category="Morphing",
            labels={"child": "{child}", "as": "video"},
        ),
        strip=report(
            "results/morphing/{child}/strip.png",
            caption="../report/morphing.rst",
            category="Morphing",
            labels={"child": "{child}", "as": "frames"},
        ),
        frames="results/morphing/{child}/frames.zip",
        middle="results/morphing/{child}/middle.zip",
        metrics="results/morphing/{child}/metrics.json",
        timing="results/morphing/{child}/timing.json",
    log:
        "results/logs/morph/{child}.log",
    benchmark:
        "results/benchmarks/morph/{child}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("morph"),
        runtime=minutes("morph"),
    params:
        settings=lambda w: as_json(RUN.morphing),
        weights=lambda w, input: flags(weights=input.weights),
        out_dir=subpath(output.video, parent=True),
        version=version("morph"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign morph --codes {input.codes} --source-model {input.source}"
        " --target-codes {input.target_codes} --target-model {input.target} {params.weights}"
        " --out-dir {params.out_dir} --settings {params.settings:q} &> {log}"
