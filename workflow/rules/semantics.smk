# What carries over from parent to child: directions and style channels, and what comes back; with the pictures of it.


# What the parent's directions do in the child.
rule alignment_semantic:
    input:
        measuring_weights("alignment_semantic"),
        unpack(lambda w: semantic_inputs(w.model)),
        parent=lambda w: model_file(aligned_parent(w.model)),
        child=lambda w: model_file(w.model),
    output:
        rows="results/metrics/alignment_semantic/{model}.json",
    log:
        "results/logs/alignment_semantic/{model}.log",
    benchmark:
        "results/benchmarks/alignment_semantic/{model}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("alignment_semantic"),
        runtime=minutes("alignment_semantic"),
    params:
        names=lambda w: row_names(w.model, model_method(w.model)),
        inputs=lambda w, input: flags(**input),
        settings=measuring_settings("alignment_semantic"),
        version=kind("alignment_semantic").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate alignment-semantic {params.inputs}"
        " {params.names} --settings {params.settings:q} --out {output.rows} &> {log}"


# What went silent in the child, and came back in its own child.
rule alignment_recovery:
    input:
        measuring_weights("alignment_recovery"),
        unpack(lambda w: EXPERIMENT.recovery_inputs(w.child)),
        models=lambda w: [model_file(model) for model in EXPERIMENT.recovery_models(w.child).values()],
    output:
        rows="results/metrics/alignment_recovery/{child}.json",
    log:
        "results/logs/alignment_recovery/{child}.log",
    benchmark:
        "results/benchmarks/alignment_recovery/{child}.tsv"
    wildcard_constraints:
        child=one_of(EXPERIMENT.recovered()),
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("alignment_recovery"),
        runtime=minutes("alignment_recovery"),
    params:
        models=lambda w: named_files((m, model_file(x)) for m, x in EXPERIMENT.recovery_models(w.child).items()),
        inputs=lambda w: flags(**EXPERIMENT.recovery_inputs(w.child)),
        names=lambda w: flags(parent_name=aligned_parent(aligned_parent(w.child)), child_name=w.child),
        settings=measuring_settings("alignment_recovery"),
        version=kind("alignment_recovery").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate alignment-recovery {params.models}"
        " {params.inputs} {params.names} --settings {params.settings:q} --out {output.rows} &> {log}"


# Which style channels change the same region in both.
rule alignment_channels:
    input:
        parent=lambda w: model_file(aligned_parent(w.model)),
        child=lambda w: model_file(w.model),
        segmentation=lambda w: measuring_networks(w.model)["segmentation"],
    output:
        rows="results/metrics/alignment_channels/{model}.json",
    log:
        "results/logs/alignment_channels/{model}.log",
    benchmark:
        "results/benchmarks/alignment_channels/{model}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("alignment_channels"),
        runtime=minutes("alignment_channels"),
    params:
        names=lambda w: row_names(w.model, model_method(w.model)),
        inputs=lambda w, input: flags(**input),
        settings=measuring_settings("alignment_channels"),
        version=kind("alignment_channels").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate alignment-channels {params.inputs}"
        " {params.names} --settings {params.settings:q} --out {output.rows} &> {log}"


rule figure_edits:
    input:
        models=lambda w: [model_file(model) for model in EXPERIMENT.aligned_with(w.parent)],
        directions=lambda w: f"results/metrics/alignment_semantic/{EXPERIMENT.edited(w.parent)[0]}.json",
    output:
        figure=report(
            "results/figures/edits-{parent}.png",
            caption="../report/edits.rst",
            category="Figures",
            labels={"figure": "the same edits in every model", "of": "{parent}"},
        ),
    log:
        "results/logs/figures/edits-{parent}.log",
    benchmark:
        "results/benchmarks/figures/edits-{parent}.tsv"
    wildcard_constraints:
        parent=one_of(EXPERIMENT.parents),
    threads: 1
    resources:
        gpu=0,
        mem_mb=2000,
        runtime=30,
    params:
        rows=lambda w: named_files((model, model_file(model)) for model in EXPERIMENT.aligned_with(w.parent)),
        version=version("figures"),
    shell:
        "stylealign figures edits {params.rows} --directions {input.directions} --out {output.figure} &> {log}"


rule figure_channels:
    input:
        models=lambda w: [model_file(model) for model in [aligned_parent(w.child), *EXPERIMENT.family(w.child)]],
        channels="results/metrics/alignment_channels/{child}.json",
    output:
        figure=report(
            "results/figures/channels-{child}.png",
            caption="../report/channels.rst",
            category="Figures",
            labels={"figure": "shared style channels", "of": "{child}"},
        ),
    log:
        "results/logs/figures/channels-{child}.log",
    benchmark:
        "results/benchmarks/figures/channels-{child}.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=2000,
        runtime=30,
    params:
        rows=lambda w: named_files((m, model_file(m)) for m in [aligned_parent(w.child), *EXPERIMENT.family(w.child)]),
        version=version("figures"),
    shell:
        "stylealign figures channels {params.rows} --channels {input.channels} --out {output.figure} &> {log}"


rule figure_recovery:
    input:
        models=lambda w: list(EXPERIMENT.recovery_rows(w.child).values()),
        directions="results/metrics/alignment_recovery/{child}.json",
    output:
        figure=report(
            "results/figures/recovery-{child}.png",
            caption="../report/recovery.rst",
            category="Figures",
            labels={"figure": "what came back", "of": "{child}"},
        ),
    log:
        "results/logs/figures/recovery-{child}.log",
    benchmark:
        "results/benchmarks/figures/recovery-{child}.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=2000,
        runtime=30,
    params:
        rows=lambda w: named_files(EXPERIMENT.recovery_rows(w.child).items()),
        version=version("figures"),
    shell:
        "stylealign figures edits {params.rows} --directions {input.directions} --out {output.figure} &> {log}"
