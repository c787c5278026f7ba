# Distances of the domains, what drawn pairs agree by, and every measure of alignment against them.


# What there is without any model: figures of both domains in the same pose, in unlike poses, one figure redrawn.
rule references:
    input:
        unpack(lambda w: EXPERIMENT.pair_files(w.child, w.kind)),
        unpack(lambda w: measuring_networks(w.child)),
    output:
        rows="results/metrics/references/{child}/{kind}.json",
    log:
        "results/logs/references/{child}/{kind}.log",
    benchmark:
        "results/benchmarks/references/{child}/{kind}.tsv"
    wildcard_constraints:
        kind="same-pose|same-figure",
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("references"),
        runtime=minutes("references"),
    params:
        inputs=lambda w, input: flags(**input),
        names=lambda w: row_names(w.child, PAIRS[w.kind]),
        shuffled=lambda w: "--shuffled" if w.kind == "same-pose" else "",
        settings=measuring_settings("references"),
        version=kind("references").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate references {params.inputs} {params.shuffled}"
        " {params.names} --settings {params.settings:q} --out {output.rows} &> {log}"


# How far each child's domain is from its parent's, without any model.
rule distances:
    input:
        measuring_weights("distances"),
        data=lambda w: data_file(domain_of(w.parent), "train.zip"),
        test_data=lambda w: data_file(domain_of(w.parent), "test.zip"),
        sets=lambda w: list(EXPERIMENT.distance_sets(w.parent).values()),
    output:
        rows="results/metrics/distances/{parent}.json",
    log:
        "results/logs/distances/{parent}.log",
    benchmark:
        "results/benchmarks/distances/{parent}.tsv"
    wildcard_constraints:
        parent=one_of(EXPERIMENT.ladders()),
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("distances"),
        runtime=minutes("distances"),
    params:
        sets=lambda w: named_files(EXPERIMENT.distance_sets(w.parent).items()),
        inputs=lambda w, input: flags(data=input.data, test_data=input.test_data),
        names=lambda w: flags(parent_name=w.parent, child_name=w.parent),
        settings=measuring_settings("distances"),
        version=kind("distances").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate distances {params.sets} {params.inputs}"
        " {params.names} --settings {params.settings:q} --out {output.rows} &> {log}"


# The numbers of other tables, beside these distances.
rule ladder:
    input:
        rows=lambda w: list(EXPERIMENT.ladder_rows(w.parent).values()),
    output:
        rows="results/metrics/ladder/{parent}.json",
    log:
        "results/logs/ladder/{parent}.log",
    benchmark:
        "results/benchmarks/ladder/{parent}.tsv"
    wildcard_constraints:
        parent=one_of(EXPERIMENT.ladders()),
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("ladder"),
        runtime=minutes("ladder"),
    params:
        rows=lambda w: named_files(EXPERIMENT.ladder_rows(w.parent).items()),
        names=lambda w: flags(parent_name=w.parent, child_name=w.parent),
        settings=measuring_settings("ladder"),
        version=kind("ladder").version,
    shell:
        "stylealign evaluate ladder {params.rows} {params.names} --settings {params.settings:q} --out {output.rows}"
        " &> {log}"


rule figure_ladder:
    input:
        rows=EXPERIMENT.rows_by_kind()["ladder"],
    output:
        figure=report("results/figures/ladder.png", caption="../report/ladder.rst", category="Figures"),
    log:
        "results/logs/figures/ladder.log",
    benchmark:
        "results/benchmarks/figures/ladder.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=500,
        runtime=10,
    params:
        rows=named_files(zip(EXPERIMENT.asking("ladder").ladders(), EXPERIMENT.rows_by_kind()["ladder"])),
        version=version("figures"),
    shell:
        "stylealign figures ladder {params.rows} --out {output.figure} &> {log}"
