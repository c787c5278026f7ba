# One HTML page of the whole run. Not part of the default target: `make report` or
# `snakemake results/report/report.html` asks for it.


rule report_page:
    input:
        rows=EXPERIMENT.all_rows(),
        figures=EXPERIMENT.all_figures(),
        videos=[f"results/morphing/{child}/morph.mp4" for child in EXPERIMENT.morphed()],
        previews=[data_file(domain, "preview.png") for domain in EXPERIMENT.pictured],
        artifacts=[model_file(model) for model in MODELS]
        + [data_file(domain, f"{split}.zip") for domain in EXPERIMENT.pictured for split in ("train", "test")],
        tables="results/tables/all.csv",
    output:
        page="results/report/report.html",
    log:
        "results/logs/report_page.log",
    benchmark:
        "results/benchmarks/report_page.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=1000,
        runtime=30,
    params:
        videos=named_files((child, f"results/morphing/{child}/morph.mp4") for child in EXPERIMENT.morphed()),
        previews=named_files((domain, data_file(domain, "preview.png")) for domain in EXPERIMENT.pictured),
        config=RUN.model_dump_json(exclude_unset=True),
        benchmarks="results/benchmarks",
        version=version("report"),
    shell:
        "stylealign report {input.rows} --figures {input.figures} --videos {params.videos} --previews {params.previews}"
        " --artifacts {input.artifacts} --benchmarks {params.benchmarks} --config {params.config:q} --out {output.page}"
        " &> {log}"
