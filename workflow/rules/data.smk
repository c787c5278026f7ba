# Images and annotations of every domain.


rule draw_domain:
    output:
        train="data/prepared/{domain}/train.zip",
        test="data/prepared/{domain}/test.zip",
        train_annotations="data/prepared/{domain}/train.annotations.npz",
        test_annotations="data/prepared/{domain}/test.annotations.npz",
        preview=report(
            "data/prepared/{domain}/preview.png",
            caption="../report/preview.rst",
            category="Data",
            labels={"domain": "{domain}"},
        ),
        config="data/prepared/{domain}/config.json",
    log:
        "results/logs/draw_domain/{domain}.log",
    benchmark:
        "results/benchmarks/draw_domain/{domain}.tsv"
    wildcard_constraints:
        domain=one_of(DRAWN),
    threads: 1
    resources:
        gpu=0,
        mem_mb=2000,
        runtime=60,
    params:
        settings=lambda w: as_json(RUN.domains[w.domain]),
        out_dir=subpath(output.train, parent=True),
        version=version("data"),
    shell:
        "stylealign data draw --out-dir {params.out_dir} --settings {params.settings:q} &> {log}"


rule import_domain:
    input:
        lambda w: RUN.domains[w.domain].path,
    output:
        train="data/prepared/{domain}/train.zip",
        test="data/prepared/{domain}/test.zip",
        preview=report(
            "data/prepared/{domain}/preview.png",
            caption="../report/preview.rst",
            category="Data",
            labels={"domain": "{domain}"},
        ),
        config="data/prepared/{domain}/config.json",
    log:
        "results/logs/import_domain/{domain}.log",
    benchmark:
        "results/benchmarks/import_domain/{domain}.tsv"
    wildcard_constraints:
        domain=one_of(IMPORTED),
    threads: 1
    resources:
        gpu=0,
        mem_mb=4000,
        runtime=240,
    params:
        settings=lambda w: as_json(RUN.domains[w.domain]),
        out_dir=subpath(output.train, parent=True),
        version=version("data"),
    shell:
        "stylealign data import {input:q} --out-dir {params.out_dir} --settings {params.settings:q} &> {log}"
