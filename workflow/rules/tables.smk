# The tables, which bring the figures with them.


# The figures come first, so that asking for the tables, as everybody does, makes both.
rule tables:
    input:
        rows=EXPERIMENT.all_rows(),
        figures=EXPERIMENT.all_figures(),
    output:
        all=report("results/tables/all.csv", caption="../report/tables.rst", category="Tables"),
        summary="results/tables/summary.md",
        metrics="results/tables/metrics.json",
        speed="results/tables/speed.csv",
        seeds=["results/tables/seeds.csv"] if RUN.seeded else [],
        sources="results/tables/sources.csv",
        tables=report(
            expand("results/tables/{table}.{kind}", table=EXPERIMENT.tables(), kind=["csv", "md", "tex"]),
            caption="../report/tables.rst",
            category="Tables",
        ),
    log:
        "results/logs/tables.log",
    benchmark:
        "results/benchmarks/tables.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=500,
        runtime=10,
    params:
        out_dir=subpath(output.all, parent=True),
        seeds=EXPERIMENT.seed_groups(),
        version=version("tables"),
    shell:
        "stylealign tables {input.rows} --figures {input.figures} {params.seeds} --out-dir {params.out_dir} &> {log}"


# Ways to train the children of a domain, against each other: `snakemake results/front/all.csv`, nothing else is made.
rule front:
    input:
        rows=[
            f"results/metrics/alignment_curve/{model}.json"
            for domain in EXPERIMENT.fronts()
            for model in EXPERIMENT.front_of(domain)
        ],
        figures=[f"results/front/{domain}.png" for domain in EXPERIMENT.fronts()],
    output:
        all="results/front/all.csv",
        table="results/front/alignment_curve.csv",
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
        out_dir=subpath(output.all, parent=True),
        version=version("tables"),
    shell:
        "stylealign tables {input.rows} --figures {input.figures} --out-dir {params.out_dir} &> {log}"
