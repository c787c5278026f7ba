# What aligned models are used for: translation, morphing, zero-shot labels.


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
        mem_mb=memory("supervise"),
        runtime=minutes("supervise"),
    params:
        settings=lambda w: as_json(RUN.labels, "epochs", "images", "batch_size", "learning_rate", "seed"),
        version=version("supervise"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign supervise --task {wildcards.task} --data {input.data}"
        " --annotations {input.annotations} --out {output.network} --settings {params.settings:q} &> {log}"


# One ruler for every domain of the run: what is compared between domains is measured on both sides by this network.
rule supervise_joint:
    input:
        data=lambda w: [data_file(domain, "train.zip") for domain in figure_domains(int(w.px))],
        annotations=lambda w: [data_file(domain, "train.annotations.npz") for domain in figure_domains(int(w.px))],
    output:
        network="results/zero_shot/{task}/joint-{px}px.safetensors",
    log:
        "results/logs/supervise_joint/{task}-{px}px.log",
    benchmark:
        "results/benchmarks/supervise_joint/{task}-{px}px.tsv"
    wildcard_constraints:
        px=r"\d+",
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("supervise_joint"),
        runtime=minutes("supervise_joint"),
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
        mem_mb=memory("transfer"),
        runtime=minutes("transfer"),
    params:
        settings=lambda w: as_json(RUN.labels),
        flags="",
        version=version("transfer"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign transfer --task {wildcards.task} --parent {input.parent}"
        " --child {input.child} --labeller {input.labeller} --out {output.network} {params.flags}"
        " --settings {params.settings:q} &> {log}"


# The other control: each image with the labels of another latent's.
use rule transfer as transfer_shuffled with:
    output:
        network="results/zero_shot/{task}/{model}/shuffled.safetensors",
    log:
        "results/logs/transfer_shuffled/{task}/{model}.log",
    benchmark:
        "results/benchmarks/transfer_shuffled/{task}/{model}.tsv"
    params:
        settings=lambda w: as_json(RUN.labels),
        flags="--shuffled",
        version=version("transfer"),
