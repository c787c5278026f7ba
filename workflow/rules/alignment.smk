# How far the components of a child moved away from the parent.


rule alignment_weights:
    input:
        parent=lambda w: model_file(aligned_parent(w.model)),
        child=lambda w: model_file(w.model),
    output:
        rows="results/metrics/alignment_weights/{model}.json",
    log:
        "results/logs/alignment_weights/{model}.log",
    benchmark:
        "results/benchmarks/alignment_weights/{model}.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=2000,
        runtime=30,
    params:
        names=lambda w: row_names(w.model, "unaligned" if w.model in CONTROLS else "child"),
        version=version("evaluate"),
    shell:
        "stylealign evaluate alignment-weights --parent {input.parent} --child {input.child} {params.names}"
        " --out {output.rows} &> {log}"


rule alignment_pointwise:
    input:
        unpack(lambda w: measuring_networks(w.model)),
        parent=lambda w: model_file(aligned_parent(w.model)),
        child=lambda w: model_file(w.model),
    output:
        rows="results/metrics/alignment_pointwise/{model}.json",
    log:
        "results/logs/alignment_pointwise/{model}.log",
    benchmark:
        "results/benchmarks/alignment_pointwise/{model}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=3000,
        runtime=60,
    params:
        names=lambda w: row_names(w.model, model_method(w.model)),
        inputs=lambda w, input: flags(**input),
        shuffled=lambda w: "" if w.model in CONTROLS else "--shuffled",
        settings=lambda w: as_json(RUN.metrics, "pairs", "bootstrap", "seed"),
        version=version("evaluate"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate alignment-pointwise {params.inputs}"
        " {params.shuffled} {params.names} --settings {params.settings:q} --out {output.rows} &> {log}"
