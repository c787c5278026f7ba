# Quality against alignment of every way to keep it: results/front.


rule figure_front:
    input:
        rows=lambda w: list(EXPERIMENT.front_rows(w.domain).values()),
    output:
        figure=report("results/front/{domain}.png", caption="../report/front.rst", category="Figures"),
    log:
        "results/logs/figures/front-{domain}.log",
    benchmark:
        "results/benchmarks/figures/front-{domain}.tsv"
    wildcard_constraints:
        domain=one_of(EXPERIMENT.fronts()),
    threads: 1
    resources:
        gpu=0,
        mem_mb=500,
        runtime=10,
    params:
        rows=lambda w: named_files(EXPERIMENT.front_rows(w.domain).items()),
        version=version("figures"),
    shell:
        "stylealign figures front {params.rows} --out {output.figure} &> {log}"


# The numbers of other tables, way by way.
rule alignment_front:
    input:
        rows=lambda w: list(EXPERIMENT.front_rows(w.domain).values()),
    output:
        rows="results/metrics/alignment_front/{domain}.json",
    log:
        "results/logs/alignment_front/{domain}.log",
    benchmark:
        "results/benchmarks/alignment_front/{domain}.tsv"
    wildcard_constraints:
        domain=one_of(EXPERIMENT.fronts()),
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("alignment_front"),
        runtime=minutes("alignment_front"),
    params:
        rows=lambda w: named_files(EXPERIMENT.front_rows(w.domain).items()),
        names=lambda w: flags(
            parent_name=EXPERIMENT.config.models[EXPERIMENT.plain_child(w.domain)].parent,
            child_name=EXPERIMENT.plain_child(w.domain),
        ),
        version=kind("alignment_front").version,
    shell:
        "stylealign evaluate alignment-front {params.rows} {params.names} --out {output.rows} &> {log}"


FRONT_ROWS = [f"results/metrics/alignment_front/{domain}.json" for domain in EXPERIMENT.fronts()]
FRONT_FIGURES = [f"results/front/{domain}.png" for domain in EXPERIMENT.fronts()]


# Ways to train the children of a domain, against each other: `snakemake results/front/all.csv`, nothing else is made.
rule front:
    input:
        rows=FRONT_ROWS,
        figures=FRONT_FIGURES,
    output:
        all="results/front/all.csv",
        table="results/front/alignment_front.csv",
        summary="results/front/summary.md",
    log:
        "results/logs/front.log",
    benchmark:
        "results/benchmarks/front.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=500,
        runtime=10,
    params:
        files=" ".join([*FRONT_ROWS, "--figures", *FRONT_FIGURES]),  # in their order, as in tables.smk
        out_dir=subpath(output.all, parent=True),
        version=version("tables"),
    shell:
        "stylealign tables {params.files} --out-dir {params.out_dir} &> {log}"
