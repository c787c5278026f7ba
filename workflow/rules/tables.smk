# The tables, which bring the figures with them.


# The figures come first, so that asking for the tables, as everybody does, makes both.
rule tables:
    input:
        rows=EXPERIMENT.all_rows(),
        figures=EXPERIMENT.all_figures(),
        predictions=EXPERIMENT.predicted(),
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
