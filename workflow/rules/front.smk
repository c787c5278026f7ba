# Quality against alignment of every way to keep it: results/front.


rule figure_front:
    input:
        rows=lambda w: [f"results/metrics/alignment_curve/{model}.json" for model in EXPERIMENT.front_of(w.domain)],
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
        rows=lambda w, input: named_files(EXPERIMENT.front_of(w.domain), input.rows),
        version=version("figures"),
    shell:
        "stylealign figures front {params.rows} --out {output.figure} &> {log}"


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
