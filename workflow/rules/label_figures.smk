# Figures of labels that were carried over.


rule figure_zero_shot:
    input:
        unpack(lambda w: labels_of_test(w.child)),
        data=lambda w: data_file(domain_of(w.child), "test.zip"),
        networks=lambda w: [network for _, network in labels_shown(w.child)],
        classes=EXPERIMENT.classes_shown(),
    output:
        figure=report(
            "results/figures/zero-shot-{child}.png",
            caption="../report/zero_shot.rst",
            category="Figures",
            labels={"figure": "zero-shot labels", "of": "{child}"},
        ),
    log:
        "results/logs/figures/zero-shot-{child}.log",
    benchmark:
        "results/benchmarks/figures/zero-shot-{child}.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=2000,
        runtime=30,
    params:
        rows=lambda w: named_files(labels_shown(w.child)),
        annotations=lambda w: flags(**labels_of_test(w.child)),
        classes=" ".join(["--classes-of", *EXPERIMENT.classes_shown()] if EXPERIMENT.classes_shown() else []),
        columns=RUN.figure_images,
        version=version("figures"),
    shell:
        "stylealign figures zero-shot {params.rows} --data {input.data}"
        " {params.annotations} {params.classes} --columns {params.columns} --out {output.figure} &> {log}"


rule figure_ranking:
    input:
        unpack(lambda w: EXPERIMENT.ranking_networks(w.child)),
        unpack(lambda w: labels_of_test(w.child)),
        model=lambda w: model_file(aligned_parent(w.child)),
        data=lambda w: data_file(domain_of(w.child), "test.zip"),
        codes=lambda w: list(EXPERIMENT.ranking_codes(w.child).values()),
    output:
        figure=report(
            "results/figures/ranking-{child}.png",
            caption="../report/ranking.rst",
            category="Figures",
            labels={"figure": "real images in order", "of": "{child}"},
        ),
    log:
        "results/logs/figures/ranking-{child}.log",
    benchmark:
        "results/benchmarks/figures/ranking-{child}.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("figure_ranking"),
        runtime=minutes("figure_ranking"),
    params:
        rows=lambda w: named_files(EXPERIMENT.ranking_codes(w.child).items()),
        networks=lambda w: flags(**EXPERIMENT.ranking_networks(w.child), **labels_of_test(w.child)),
        columns=RUN.figure_images,
        samples=RUN.metrics.direction_samples,
        version=version("figures"),
    shell:
        "stylealign figures ranking {params.rows} --model {input.model} {params.networks} --data {input.data}"
        " --samples {params.samples} --columns {params.columns} --out {output.figure} &> {log}"
