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
        mem_mb=memory("draw_domain"),
        runtime=minutes("draw_domain"),
    params:
        settings=lambda w: as_json(RUN.domains[w.domain]),
        out_dir=subpath(output.train, parent=True),
        version=version("data"),
    shell:
        "stylealign data draw --out-dir {params.out_dir} --settings {params.settings:q} &> {log}"


rule fetch_domain:
    output:
        train="data/prepared/{domain}/train.zip",
        test="data/prepared/{domain}/test.zip",
        preview=report("data/prepared/{domain}/preview.png", caption="../report/preview.rst", category="Data"),
        config="data/prepared/{domain}/config.json",
    log:
        "results/logs/fetch_domain/{domain}.log",
    benchmark:
        "results/benchmarks/fetch_domain/{domain}.tsv"
    wildcard_constraints:
        domain=one_of(FETCHED),
    retries: 2
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("fetch_domain"),
        runtime=minutes("fetch_domain"),
    params:
        source=lambda w: RUN.domains[w.domain].fetch,
        entry=lambda w: json.dumps(zoo_entry("datasets", RUN.domains[w.domain].fetch)),
        settings=lambda w: as_json(RUN.domains[w.domain]),
        out_dir=subpath(output.train, parent=True),
        zoo=os.path.relpath(ZOO),
        version=version("data"),
    shell:
        "stylealign data fetch {params.source:q} --zoo {params.zoo:q} --out-dir {params.out_dir}"
        " --settings {params.settings:q} &> {log}"


# Weights of the feature networks, where the configuration asks for other ones than the one that comes as a package.
rule fetch_weights:
    output:
        weights="data/weights/{network}.pth",
    log:
        "results/logs/fetch_weights/{network}.log",
    benchmark:
        "results/benchmarks/fetch_weights/{network}.tsv"
    wildcard_constraints:
        network="inception-v3|lpips-vgg|lpips-alex",
    retries: 2
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("fetch_weights"),
        runtime=minutes("fetch_weights"),
    params:
        entry=lambda w: json.dumps(zoo_entry("weights", w.network)),
        zoo=os.path.relpath(ZOO),
        version=version("fetch"),
    shell:
        "stylealign fetch {wildcards.network} --weights --zoo {params.zoo:q} --out {output.weights} &> {log}"


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
        mem_mb=memory("import_domain"),
        runtime=minutes("import_domain"),
    params:
        settings=lambda w: as_json(RUN.domains[w.domain]),
        out_dir=subpath(output.train, parent=True),
        version=version("data"),
    shell:
        "stylealign data import {input:q} --out-dir {params.out_dir} --settings {params.settings:q} &> {log}"
