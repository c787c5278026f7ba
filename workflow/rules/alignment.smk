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
        version=kind("alignment_weights").version,
    shell:
        "stylealign evaluate alignment-weights --parent {input.parent} --child {input.child} {params.names}"
        " --out {output.rows} &> {log}"


# The child with one component's weights set back to the parent's: what that costs shows what the component carries.
rule alignment_reset:
    input:
        parent=lambda w: model_file(aligned_parent(w.model)),
        child=lambda w: model_file(w.model),
        data=lambda w: features_file(domain_of(w.model), "train"),
        weights=measuring_weights("alignment_reset"),
    output:
        rows="results/metrics/alignment_reset/{model}.json",
    log:
        "results/logs/alignment_reset/{model}.log",
    benchmark:
        "results/benchmarks/alignment_reset/{model}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("alignment_reset"),
        runtime=minutes("alignment_reset"),
    params:
        names=lambda w: row_names(w.model, model_method(w.model)),
        inputs=lambda w, input: flags(parent=input.parent, child=input.child, data=input.data),
        settings=measuring_settings("alignment_reset"),
        version=kind("alignment_reset").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate alignment-reset {params.inputs} {params.names}"
        " --settings {params.settings:q} --out {output.rows} &> {log}"


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
        mem_mb=memory("alignment_pointwise"),
        runtime=minutes("alignment_pointwise"),
    params:
        names=lambda w: row_names(w.model, model_method(w.model)),
        inputs=lambda w, input: flags(**input),
        shuffled=lambda w: "" if w.model in CONTROLS else "--shuffled",
        settings=measuring_settings("alignment_pointwise"),
        version=kind("alignment_pointwise").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate alignment-pointwise {params.inputs}"
        " {params.shuffled} {params.names} --settings {params.settings:q} --out {output.rows} &> {log}"


# One score for the whole, without labels or real images.
rule alignment_score:
    input:
        unpack(lambda w: EXPERIMENT.root_input(w.model)),
        parent=lambda w: model_file(aligned_parent(w.model)),
        child=lambda w: model_file(w.model),
        weights=measuring_weights("alignment_score"),
    output:
        rows="results/metrics/alignment_score/{model}.json",
    log:
        "results/logs/alignment_score/{model}.log",
    benchmark:
        "results/benchmarks/alignment_score/{model}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("alignment_score"),
        runtime=minutes("alignment_score"),
    params:
        names=lambda w: row_names(w.model, model_method(w.model)),
        inputs=lambda w, input: flags(parent=input.parent, child=input.child, root=input.get("root")),
        shuffled=lambda w: "" if w.model in CONTROLS else "--shuffled",
        settings=measuring_settings("alignment_score"),
        version=kind("alignment_score").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate alignment-score {params.inputs}"
        " {params.shuffled} {params.names} --settings {params.settings:q} --out {output.rows} &> {log}"


# The numbers of other tables, of children of which one component alone was trained.
rule alignment_components:
    input:
        rows=lambda w: list(EXPERIMENT.component_rows(w.parent).values()),
    output:
        rows="results/metrics/alignment_components/{parent}.json",
    log:
        "results/logs/alignment_components/{parent}.log",
    benchmark:
        "results/benchmarks/alignment_components/{parent}.tsv"
    wildcard_constraints:
        parent=one_of(EXPERIMENT.parents_of_parts()),
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("alignment_components"),
        runtime=minutes("alignment_components"),
    params:
        rows=lambda w: named_files(EXPERIMENT.component_rows(w.parent).items()),
        names=lambda w: flags(parent_name=w.parent, child_name=w.parent),
        version=kind("alignment_components").version,
    shell:
        "stylealign evaluate alignment-components {params.rows} {params.names} --out {output.rows} &> {log}"


# What each further thousand images buys in quality, and costs in alignment.
rule alignment_curve:
    input:
        measuring_weights("alignment_curve"),
        unpack(lambda w: measuring_networks(w.model)),
        unpack(lambda w: {role: file for role, file in share_inputs(w.model).items() if role == "parent_data"}),
        parent=lambda w: model_file(aligned_parent(w.model)),
        snapshots="results/models/{model}/snapshots.zip",
        data=lambda w: data_file(domain_of(w.model), "train.zip"),
    output:
        rows="results/metrics/alignment_curve/{model}.json",
    log:
        "results/logs/alignment_curve/{model}.log",
    benchmark:
        "results/benchmarks/alignment_curve/{model}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("alignment_curve"),
        runtime=minutes("alignment_curve"),
    params:
        names=lambda w: row_names(w.model, model_method(w.model)),
        inputs=lambda w, input: flags(**input),
        settings=measuring_settings("alignment_curve"),
        version=kind("alignment_curve").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate alignment-curve {params.inputs} {params.names}"
        " --settings {params.settings:q} --out {output.rows} &> {log}"
