# What aligned models are used for: translation, morphing, zero-shot labels.


rule translate:
    input:
        codes=lambda w: f"results/latents/{aligned_parent(w.model)}/{w.space}/codes.npz",
        source=lambda w: model_file(aligned_parent(w.model)),
        target=lambda w: model_file(w.model),
    output:
        images="results/translation/{model}/{space}/images.zip",
        sheet=report(
            "results/translation/{model}/{space}/sheet.png",
            caption="../report/translation.rst",
            category="Translation",
            labels={"model": "{model}", "space": "{space}"},
        ),
    log:
        "results/logs/translate/{model}/{space}.log",
    benchmark:
        "results/benchmarks/translate/{model}/{space}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=2000,
        runtime=30,
    params:
        settings=lambda w: as_json(RUN.translation, space=w.space),
        out_dir=subpath(output.images, parent=True),
        version=version("translate"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign translate --codes {input.codes} --source-model {input.source}"
        " --target-model {input.target} --out-dir {params.out_dir} --settings {params.settings:q} &> {log}"


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
        mem_mb=2000,
        runtime=30,
    params:
        seeds=f"0-{RUN.inversion.images - 1}",
        truncation_psi=RUN.translation.truncation_psi,
        version=version("generate"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign generate {input.model} --seeds {params.seeds}"
        " --truncation-psi {params.truncation_psi} --zip {output.images} &> {log}"


rule morph:
    input:
        codes=lambda w: f"results/latents/{aligned_parent(w.child)}/{morph_space()}/codes.npz",
        target_codes=lambda w: f"results/latents/{w.child}/{morph_space()}/codes.npz",
        source=lambda w: model_file(aligned_parent(w.child)),
        target=lambda w: model_file(w.child),
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
    log:
        "results/logs/morph/{child}.log",
    benchmark:
        "results/benchmarks/morph/{child}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=3000,
        runtime=120,
    params:
        settings=lambda w: as_json(RUN.morphing),
        out_dir=subpath(output.video, parent=True),
        version=version("morph"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign morph --codes {input.codes} --source-model {input.source}"
        " --target-codes {input.target_codes} --target-model {input.target} --out-dir {params.out_dir}"
        " --settings {params.settings:q} &> {log}"


rule supervise:
    input:
        data="data/prepared/{domain}/train.zip",
        annotations="data/prepared/{domain}/train.annotations.npz",
    output:
        network="results/zero_shot/{task}/{domain}/oracle.safetensors",
    log:
        "results/logs/supervise/{task}/{domain}.log",
    benchmark:
        "results/benchmarks/supervise/{task}/{domain}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=3000,
        runtime=240,
    params:
        settings=lambda w: as_json(RUN.labels, "epochs", "images", "batch_size", "learning_rate", "seed"),
        version=version("supervise"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign supervise --task {wildcards.task} --data {input.data}"
        " --annotations {input.annotations} --out {output.network} --settings {params.settings:q} &> {log}"


# The labels come from the aligned parent's images also for a control: only the shared ancestry is missing.
rule transfer:
    input:
        parent=lambda w: model_file(aligned_parent(w.model)),
        child=lambda w: model_file(w.model),
        labeller=lambda w: label_network(w.task, domain_of(aligned_parent(w.model))),
    output:
        network="results/zero_shot/{task}/{model}/zero-shot.safetensors",
    log:
        "results/logs/transfer/{task}/{model}.log",
    benchmark:
        "results/benchmarks/transfer/{task}/{model}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=3000,
        runtime=240,
    params:
        settings=lambda w: as_json(RUN.labels),
        version=version("transfer"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign transfer --task {wildcards.task} --parent {input.parent}"
        " --child {input.child} --labeller {input.labeller} --out {output.network} --settings {params.settings:q} &> {log}"
