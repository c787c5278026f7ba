# Images and annotations of every domain, and what is computed of them once.


# Training images by themselves: with more images to test with, nothing is trained again.
rule draw_domain:
    output:
        train="data/prepared/{domain}/train.zip",
        annotations="data/prepared/{domain}/train.annotations.npz",
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
        domain=one_of(EXPERIMENT.drawn),
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("draw_domain"),
        runtime=minutes("draw_domain"),
    params:
        settings=lambda w: EXPERIMENT.identity.drawn_settings_of(w.domain, "train"),
        out_dir=subpath(output.train, parent=True),
        version=version("data"),
    shell:
        "stylealign data draw --split train --out-dir {params.out_dir} --settings {params.settings:q} &> {log}"


rule draw_held_out:
    output:
        images="data/prepared/{domain}/{split}.zip",
        annotations="data/prepared/{domain}/{split}.annotations.npz",
    log:
        "results/logs/draw_held_out/{domain}/{split}.log",
    benchmark:
        "results/benchmarks/draw_held_out/{domain}/{split}.tsv"
    wildcard_constraints:
        domain=one_of(EXPERIMENT.drawn),
        split="test|val",
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("draw_held_out"),
        runtime=minutes("draw_held_out"),
    params:
        settings=lambda w: EXPERIMENT.identity.drawn_settings_of(w.domain, w.split),
        out_dir=subpath(output.images, parent=True),
        version=version("data"),
    shell:
        "stylealign data draw --split {wildcards.split} --out-dir {params.out_dir} --settings {params.settings:q} &> {log}"


# What agreement of two domains there is at all when only pose and ground are the same, or the whole figure.
rule draw_pairs:
    output:
        source="results/pairs/{source}/{domain}/{kind}/source.zip",
        target="results/pairs/{source}/{domain}/{kind}/target.zip",
        source_annotations="results/pairs/{source}/{domain}/{kind}/source.annotations.npz",
        target_annotations="results/pairs/{source}/{domain}/{kind}/target.annotations.npz",
        config="results/pairs/{source}/{domain}/{kind}/config.json",
    log:
        "results/logs/draw_pairs/{source}/{domain}/{kind}.log",
    benchmark:
        "results/benchmarks/draw_pairs/{source}/{domain}/{kind}.tsv"
    wildcard_constraints:
        source=one_of(EXPERIMENT.drawn),
        domain=one_of(EXPERIMENT.drawn),
        kind="same-pose|same-figure",
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("draw_pairs"),
        runtime=minutes("draw_pairs"),
    params:
        settings=lambda w: EXPERIMENT.pairs_of(w.source, w.domain, w.kind),
        out_dir=subpath(output.source, parent=True),
        version=version("data"),
    shell:
        "stylealign data pairs --out-dir {params.out_dir} --settings {params.settings:q} &> {log}"


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
        domain=one_of(set(EXPERIMENT.fetched) - set(EXPERIMENT.held_out)),
    retries: 2
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("fetch_domain"),
        runtime=minutes("fetch_domain"),
    params:
        source=lambda w: RUN.domains[w.domain].fetch,
        entry=lambda w: json.dumps(EXPERIMENT.zoo.entry("datasets", RUN.domains[w.domain].fetch)),
        settings=lambda w: EXPERIMENT.identity.settings_of(w.domain),
        out_dir=subpath(output.train, parent=True),
        version=lambda w: EXPERIMENT.identity.data_version(w.domain),
    shell:
        'stylealign data fetch {params.source:q} --zoo "$STYLEALIGN_ZOO" --out-dir {params.out_dir}'
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
        network=one_of(EXPERIMENT.zoo.names("weights")),
    retries: 2
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("fetch_weights"),
        runtime=minutes("fetch_weights"),
    params:
        entry=lambda w: json.dumps(EXPERIMENT.zoo.entry("weights", w.network)),
        version=version("fetch"),
    shell:
        'stylealign fetch {wildcards.network} --weights --zoo "$STYLEALIGN_ZOO" --out {output.weights} &> {log}'


# Features, once for all measurements that compare with the images. Each split by itself: what is measured against training
# images is not measured again with more images to test with.
rule features:
    input:
        data="data/prepared/{domain}/{split}.zip",
        weights=lambda w: weights_of(RUN.metrics.features),
    output:
        features="results/features/{domain}/{split}.npz",
    log:
        "results/logs/features/{domain}/{split}.log",
    benchmark:
        "results/benchmarks/features/{domain}/{split}.tsv"
    wildcard_constraints:
        split="train|test",
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("features"),
        runtime=minutes("features"),
    params:
        settings=EXPERIMENT.features_settings(),
        out_dir=subpath(output.features, parent=True),
        version=version("features"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign features --data {input.data} --out-dir {params.out_dir}"
        " --settings {params.settings:q} &> {log}"


# The content of the pictures, not their times, says whether they are imported again.
rule import_domain:
    input:
        pictures=lambda w: ancient(own_path(RUN.domains[w.domain].path)),
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
        domain=one_of(set(EXPERIMENT.imported) - set(EXPERIMENT.held_out)),
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("import_domain"),
        runtime=minutes("import_domain"),
    params:
        settings=lambda w: EXPERIMENT.identity.settings_of(w.domain),
        content=lambda w: EXPERIMENT.identity.pictures_of(w.domain),
        out_dir=subpath(output.train, parent=True),
        version=lambda w: EXPERIMENT.identity.data_version(w.domain),
    shell:
        "stylealign data import {input.pictures:q} --out-dir {params.out_dir} --settings {params.settings:q} &> {log}"
