# Networks that label images: trained on annotations, and on labels that came with a latent.


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
        settings=lambda w: as_json(RUN.labels, "network", "epochs", "images", "batch_size", "learning_rate", "seed"),
        version=version("supervise"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign supervise --task {wildcards.task} --data {input.data}"
        " --annotations {input.annotations} --out {output.network} --settings {params.settings:q} &> {log}"


# A network of one's own, checked and taken in as one file.
rule labeller:
    input:
        lambda w: [ancient(str(file)) for file in EXPERIMENT.identity.labeller_files(w.task, w.domain)],
    output:
        network="results/zero_shot/{task}/{domain}/labeller.safetensors",
    log:
        "results/logs/labeller/{task}/{domain}.log",
    benchmark:
        "results/benchmarks/labeller/{task}/{domain}.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("labeller"),
        runtime=minutes("labeller"),
    params:
        source=lambda w: own_path(RUN.domains[w.domain].labellers[w.task]),
        content=lambda w: EXPERIMENT.identity.labeller_of(w.task, w.domain),
        version=version("convert"),
    shell:
        "stylealign convert {params.source:q} {output.network} &> {log}"


# One ruler for every domain of the run: what is compared between domains is measured on both sides by this network.
rule supervise_joint:
    input:
        data=lambda w: joint_files(w.px, "zip"),
        annotations=lambda w: joint_files(w.px, "annotations.npz"),
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
        data=lambda w: " ".join(joint_files(w.px, "zip")),
        annotations=lambda w: " ".join(joint_files(w.px, "annotations.npz")),
        settings=lambda w: as_json(RUN.rulers, "network", "epochs", "images", "batch_size", "learning_rate", "seed"),
        version=version("supervise"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign supervise --task {wildcards.task} --data {params.data}"
        " --annotations {params.annotations} --out {output.network} --settings {params.settings:q} &> {log}"


# All methods and seeds in one job: the pairs are drawn once. The labels come from the aligned parent's images also for a
# control: only the shared ancestry is missing.
rule transfer:
    input:
        parent=lambda w: model_file(aligned_parent(w.model)),
        child=lambda w: model_file(w.model),
        labeller=lambda w: labeller(w.task, domain_of(aligned_parent(w.model))),
    output:
        networks=expand(
            transferred_network("{{task}}", "{{model}}", "{method}", "{seed}"),
            method=RUN.zero_shot.methods,
            seed=range(RUN.zero_shot.seeds),
        ),
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
        methods=" ".join(RUN.zero_shot.methods),
        seeds=RUN.zero_shot.seeds,
        settings=lambda w: as_json(RUN.labels, without=["classes"]),
        out_dir="results/zero_shot/{task}/{model}",
        version=version("transfer"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign transfer --task {wildcards.task} --parent {input.parent}"
        " --child {input.child} --labeller {input.labeller} --methods {params.methods} --seeds {params.seeds}"
        " --out-dir {params.out_dir} --settings {params.settings:q} &> {log}"


# What stands beside the methods: labels of other latents, and what the generator itself costs.
rule transfer_bounds:
    input:
        parent=lambda w: model_file(aligned_parent(w.model)),
        child=lambda w: model_file(w.model),
        labeller=lambda w: labeller(w.task, domain_of(aligned_parent(w.model))),
        oracle=lambda w: label_network(w.task, domain_of(w.model)),
    output:
        networks=expand(
            transferred_network("{{task}}", "{{model}}", "{method}", "{seed}"),
            method=BOUNDS,
            seed=range(RUN.zero_shot.seeds),
        ),
    log:
        "results/logs/transfer_bounds/{task}/{model}.log",
    benchmark:
        "results/benchmarks/transfer_bounds/{task}/{model}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("transfer_bounds"),
        runtime=minutes("transfer_bounds"),
    params:
        methods=" ".join(BOUNDS),
        seeds=RUN.zero_shot.seeds,
        settings=lambda w: as_json(RUN.labels, without=["classes"]),
        out_dir="results/zero_shot/{task}/{model}",
        version=version("transfer"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign transfer --task {wildcards.task} --parent {input.parent}"
        " --child {input.child} --labeller {input.labeller} --oracle {input.oracle} --methods {params.methods}"
        " --seeds {params.seeds} --out-dir {params.out_dir} --settings {params.settings:q} &> {log}"
