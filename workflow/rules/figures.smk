# Figures a person can look at.


rule figure_samples:
    input:
        models=[model_file(model) for model in MODELS],
    output:
        figure=report(
            "results/figures/samples.png",
            caption="../report/figure_samples.rst",
            category="Figures",
            labels={"figure": "samples", "of": "every model"},
        ),
    log:
        "results/logs/figures/samples.log",
    benchmark:
        "results/benchmarks/figures/samples.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=2000,
        runtime=30,
    params:
        rows=named_files((model, model_file(model)) for model in MODELS),
        columns=RUN.figure_images,
        version=version("figures"),
    shell:
        "stylealign figures samples {params.rows} --columns {params.columns} --out {output.figure} &> {log}"


rule figure_aligned:
    input:
        models=lambda w: [model_file(model) for model in EXPERIMENT.aligned_with(w.parent)],
    output:
        figure=report(
            "results/figures/aligned-{parent}.png",
            caption="../report/aligned.rst",
            category="Figures",
            labels={"figure": "one code, every model", "of": "{parent}"},
        ),
    log:
        "results/logs/figures/aligned-{parent}.log",
    benchmark:
        "results/benchmarks/figures/aligned-{parent}.tsv"
    wildcard_constraints:
        parent=one_of(EXPERIMENT.parents),
    threads: 1
    resources:
        gpu=0,
        mem_mb=2000,
        runtime=30,
    params:
        rows=lambda w: named_files((model, model_file(model)) for model in EXPERIMENT.aligned_with(w.parent)),
        columns=RUN.figure_images,
        version=version("figures"),
    shell:
        "stylealign figures aligned {params.rows} --columns {params.columns} --out {output.figure} &> {log}"


rule figure_translation:
    input:
        data=lambda w: data_file(domain_of(aligned_parent(w.child)), "test.zip"),
        images=lambda w: list(EXPERIMENT.translation_rows(w.child).values()),
    output:
        figure=report(
            "results/figures/translation-{child}.png",
            caption="../report/figure_translation.rst",
            category="Figures",
            labels={"figure": "translation", "of": "{child}"},
        ),
    log:
        "results/logs/figures/translation-{child}.log",
    benchmark:
        "results/benchmarks/figures/translation-{child}.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=500,
        runtime=10,
    params:
        rows=lambda w: named_files(EXPERIMENT.translation_rows(w.child).items()),
        columns=RUN.figure_images,
        version=version("figures"),
    shell:
        "stylealign figures translation {params.rows} --data {input.data}"
        " --columns {params.columns} --out {output.figure} &> {log}"


rule figure_multi_modal:
    input:
        data=lambda w: data_file(domain_of(aligned_parent(w.child)), "test.zip"),
        images=lambda w: [f"results/translation/{w.child}/{guide}/images.zip" for guide in GUIDES],
    output:
        figure=report(
            "results/figures/multi-modal-{child}.png", caption="../report/multi_modal.rst", category="Figures"
        ),
    log:
        "results/logs/figures/multi-modal-{child}.log",
    benchmark:
        "results/benchmarks/figures/multi-modal-{child}.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=500,
        runtime=10,
    params:
        rows=lambda w: named_files((guide, f"results/translation/{w.child}/{guide}/images.zip") for guide in GUIDES),
        version=version("figures"),
    shell:
        "stylealign figures multi-modal {params.rows} --data {input.data} --out {output.figure} &> {log}"


rule figure_morphing:
    input:
        frames="results/morphing/{child}/strip.png",
    output:
        figure=report(
            "results/figures/morphing-{child}.png",
            caption="../report/morphing.rst",
            category="Figures",
            labels={"figure": "morphs", "of": "{child}"},
        ),
    log:
        "results/logs/figures/morphing-{child}.log",
    benchmark:
        "results/benchmarks/figures/morphing-{child}.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=500,
        runtime=10,
    params:
        version=version("figures"),
    shell:
        "stylealign figures morphing {wildcards.child}={input.frames} --out {output.figure} &> {log}"


rule figure_curve:
    input:
        rows=lambda w: [f"results/metrics/alignment_curve/{model}.json" for model in trained_family(w.child)],
    output:
        figure=report("results/figures/curve-{child}.png", caption="../report/curve.rst", category="Figures"),
    log:
        "results/logs/figures/curve-{child}.log",
    benchmark:
        "results/benchmarks/figures/curve-{child}.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=500,
        runtime=10,
    params:
        rows=lambda w: named_files(
            (model, f"results/metrics/alignment_curve/{model}.json") for model in trained_family(w.child)
        ),
        version=version("figures"),
    shell:
        "stylealign figures curve {params.rows} --out {output.figure} &> {log}"
