# Domains of children that have no labels to test with.


# Of several methods none could be told to be the best: the first one alone is trained.
rule transfer_untested:
    input:
        parent=lambda w: model_file(aligned_parent(w.child)),
        child=lambda w: model_file(w.child),
        labeller=lambda w: labeller(w.task, domain_of(aligned_parent(w.child))),
    output:
        network="results/zero_shot/{task}/{child}/untested.safetensors",
    log:
        "results/logs/transfer_untested/{task}/{child}.log",
    benchmark:
        "results/benchmarks/transfer_untested/{task}/{child}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("transfer_untested"),
        runtime=minutes("transfer_untested"),
    params:
        method=RUN.zero_shot.methods[0],
        settings=lambda w: as_json(RUN.untested_labels, without=["classes"]),
        version=version("transfer"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign transfer --task {wildcards.task} --parent {input.parent}"
        " --child {input.child} --labeller {input.labeller} --methods {params.method} --out {output.network}"
        " --settings {params.settings:q} &> {log}"


# What the network sees in the test images is all there is.
rule predict:
    input:
        network=lambda w: EXPERIMENT.predicting_network(w.task, w.child),
        data=lambda w: data_file(domain_of(w.child), "test.zip"),
    output:
        folder=directory("results/zero_shot/{task}/{child}/predictions"),
    log:
        "results/logs/predict/{task}/{child}.log",
    benchmark:
        "results/benchmarks/predict/{task}/{child}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("predict"),
        runtime=minutes("predict"),
    params:
        version=version("predict"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign predict {input.network} {input.data}"
        " --out-dir {output.folder} &> {log}"


# The network that labels is tested in its own domain.
rule zero_shot_labeller:
    input:
        network=lambda w: labeller(w.task, domain_of(w.parent)),
        data=lambda w: data_file(domain_of(w.parent), "test.zip"),
        annotations=lambda w: data_file(domain_of(w.parent), "test.annotations.npz"),
    output:
        rows="results/metrics/zero_shot/labeller/{task}/{parent}.json",
    log:
        "results/logs/zero_shot_labeller/{task}/{parent}.log",
    benchmark:
        "results/benchmarks/zero_shot_labeller/{task}/{parent}.tsv"
    wildcard_constraints:
        parent=one_of(EXPERIMENT.parents),
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("zero_shot_labeller"),
        runtime=minutes("zero_shot_labeller"),
    params:
        rows=lambda w: named_files([(LABELLER, labeller(w.task, domain_of(w.parent)))]),
        names=lambda w: flags(parent_name=w.parent, child_name=w.parent, **other_classes(w.task)),
        settings=lambda w: measuring_settings("zero_shot", without="pairs", task=w.task),
        version=kind("zero_shot").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate zero-shot {params.rows}"
        " --task {wildcards.task} --data {input.data} --annotations {input.annotations}"
        " {params.names} --settings {params.settings:q} --out {output.rows} &> {log}"
