# The tables, which bring the figures with them.


# Which tables there are depends on the configuration: a new one is a new input of `tables`, and that Snakemake sees.
rule wide_tables:
    input:
        rows=EXPERIMENT.all_rows(),
    output:
        seeds=["results/tables/seeds.csv"] if RUN.seeded else [],
        tables=report(
            expand("results/tables/{table}.{kind}", table=EXPERIMENT.tables(), kind=["csv", "md", "tex"]),
            caption="../report/tables.rst",
            category="Tables",
        ),
    log:
        "results/logs/wide_tables.log",
    benchmark:
        "results/benchmarks/wide_tables.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=500,
        runtime=10,
    params:
        rows=" ".join(EXPERIMENT.all_rows()),  # in their order, which Snakemake does not see of the input
        out_dir=lambda w, output: Path(output.tables[0]).parent,
        seeds=EXPERIMENT.seed_groups(),
        version=version("tables"),
    shell:
        "stylealign tables {params.rows} --only wide {params.seeds} --out-dir {params.out_dir} &> {log}"


# The figures come first, so that asking for the tables, as everybody does, makes both.
rule tables:
    input:
        rows=EXPERIMENT.all_rows(),
        figures=EXPERIMENT.all_figures(),
        predictions=EXPERIMENT.predicted(),
        tables=rules.wide_tables.output,
    output:
        all=report("results/tables/all.csv", caption="../report/tables.rst", category="Tables"),
        summary="results/tables/summary.md",
        metrics="results/tables/metrics.json",
        speed="results/tables/speed.csv",
        sources="results/tables/sources.csv",
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
        rows=" ".join(EXPERIMENT.all_rows()),
        out_dir=subpath(output.all, parent=True),
        seeds=EXPERIMENT.seed_groups(),
        lacking=" ".join(map(quote, EXPERIMENT.notes())),
        jobs="results/benchmarks/figures",
        version=version("tables"),
    shell:
        "stylealign tables {params.rows} --only long --figures {input.figures} --figure-jobs {params.jobs} {params.seeds}"
        " --lacking {params.lacking} --out-dir {params.out_dir} &> {log}"
