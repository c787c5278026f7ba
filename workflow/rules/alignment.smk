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
        mem_mb=memory("alignment_weights"),
        runtime=minutes("alignment_weights"),
    params:
        names=lambda w: row_names(w.model, "unaligned" if w.model in CONTROLS else "child"),
        version=version("evaluate"),
    shell:
        "stylealign evaluate alignment-weights --parent {input.parent} --child {input.child} {params.names}"
        " --out {output.rows} &> {log}"
