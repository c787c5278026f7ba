# Validation images, on which the best of several methods is chosen, and labels of images of one's own or published ones.


use rule import_domain as import_validated_domain with:
    output:
        train="data/prepared/{domain}/train.zip",
        test="data/prepared/{domain}/test.zip",
        val="data/prepared/{domain}/val.zip",
        preview=report(
            "data/prepared/{domain}/preview.png",
            caption="../report/preview.rst",
            category="Data",
            labels={"domain": "{domain}"},
        ),
        config="data/prepared/{domain}/config.json",
    log:
        "results/logs/import_validated_domain/{domain}.log",
    benchmark:
        "results/benchmarks/import_validated_domain/{domain}.tsv"
    wildcard_constraints:
        domain=one_of(set(EXPERIMENT.imported) & set(EXPERIMENT.held_out)),


use rule fetch_domain as fetch_validated_domain with:
    output:
        train="data/prepared/{domain}/train.zip",
        test="data/prepared/{domain}/test.zip",
        val="data/prepared/{domain}/val.zip",
        preview=report("data/prepared/{domain}/preview.png", caption="../report/preview.rst", category="Data"),
        config="data/prepared/{domain}/config.json",
    log:
        "results/logs/fetch_validated_domain/{domain}.log",
    benchmark:
        "results/benchmarks/fetch_validated_domain/{domain}.tsv"
    wildcard_constraints:
        domain=one_of(set(EXPERIMENT.fetched) & set(EXPERIMENT.held_out)),


# Jobs of their own, which read the pictures once more: labels that come or change later leave the images, and everything
# that follows from these alone, as they are.
rule label_domain:
    input:
        images=["data/prepared/{domain}/train.zip", "data/prepared/{domain}/test.zip"],
        pictures=lambda w: ancient(own_path(RUN.domains[w.domain].path)),
        labels=lambda w: [ancient(own_path(file)) for file in RUN.domains[w.domain].annotations.files.values()],
    output:
        train="data/prepared/{domain}/train.annotations.npz",
        test="data/prepared/{domain}/test.annotations.npz",
        settings="data/prepared/{domain}/annotations.json",
    log:
        "results/logs/label_domain/{domain}.log",
    benchmark:
        "results/benchmarks/label_domain/{domain}.tsv"
    wildcard_constraints:
        domain=one_of(set(EXPERIMENT.imported) & set(EXPERIMENT.labelled) - set(EXPERIMENT.held_out)),
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("label_domain"),
        runtime=minutes("label_domain"),
    params:
        settings=lambda w: EXPERIMENT.identity.label_settings_of(w.domain),
        content=lambda w: EXPERIMENT.identity.pictures_of(w.domain),
        labels=lambda w: EXPERIMENT.identity.labels_of(w.domain),
        out_dir=subpath(output.train, parent=True),
        version=lambda w: EXPERIMENT.identity.data_version(w.domain),
    shell:
        "stylealign data import {input.pictures:q} --labels-only --out-dir {params.out_dir}"
        " --settings {params.settings:q} &> {log}"


use rule label_domain as label_validated_domain with:
    input:
        images=[f"data/prepared/{{domain}}/{split}.zip" for split in ("train", "test", "val")],
        pictures=lambda w: ancient(own_path(RUN.domains[w.domain].path)),
        labels=lambda w: [ancient(own_path(file)) for file in RUN.domains[w.domain].annotations.files.values()],
    output:
        train="data/prepared/{domain}/train.annotations.npz",
        test="data/prepared/{domain}/test.annotations.npz",
        val="data/prepared/{domain}/val.annotations.npz",
        settings="data/prepared/{domain}/annotations.json",
    log:
        "results/logs/label_validated_domain/{domain}.log",
    benchmark:
        "results/benchmarks/label_validated_domain/{domain}.tsv"
    wildcard_constraints:
        domain=one_of(set(EXPERIMENT.imported) & set(EXPERIMENT.labelled) & set(EXPERIMENT.held_out)),


# Labels of one's own of a published set's pictures, by the names in its archive.
rule label_fetched_domain:
    input:
        images=["data/prepared/{domain}/train.zip", "data/prepared/{domain}/test.zip"],
        labels=lambda w: [ancient(own_path(file)) for file in RUN.domains[w.domain].annotations.files.values()],
    output:
        train="data/prepared/{domain}/train.annotations.npz",
        test="data/prepared/{domain}/test.annotations.npz",
        settings="data/prepared/{domain}/annotations.json",
    log:
        "results/logs/label_fetched_domain/{domain}.log",
    benchmark:
        "results/benchmarks/label_fetched_domain/{domain}.tsv"
    wildcard_constraints:
        domain=one_of(set(EXPERIMENT.fetched) & set(EXPERIMENT.labelled) - set(EXPERIMENT.held_out)),
    retries: 2
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("label_fetched_domain"),
        runtime=minutes("label_fetched_domain"),
    params:
        source=lambda w: RUN.domains[w.domain].fetch,
        entry=lambda w: json.dumps(EXPERIMENT.zoo.entry("datasets", RUN.domains[w.domain].fetch)),
        settings=lambda w: EXPERIMENT.identity.label_settings_of(w.domain),
        labels=lambda w: EXPERIMENT.identity.labels_of(w.domain),
        out_dir=subpath(output.train, parent=True),
        version=lambda w: EXPERIMENT.identity.data_version(w.domain),
    shell:
        'stylealign data fetch {params.source:q} --zoo "$STYLEALIGN_ZOO" --labels-only --out-dir {params.out_dir}'
        " --settings {params.settings:q} &> {log}"


use rule label_fetched_domain as label_validated_fetched_domain with:
    input:
        images=[f"data/prepared/{{domain}}/{split}.zip" for split in ("train", "test", "val")],
        labels=lambda w: [ancient(own_path(file)) for file in RUN.domains[w.domain].annotations.files.values()],
    output:
        train="data/prepared/{domain}/train.annotations.npz",
        test="data/prepared/{domain}/test.annotations.npz",
        val="data/prepared/{domain}/val.annotations.npz",
        settings="data/prepared/{domain}/annotations.json",
    log:
        "results/logs/label_validated_fetched_domain/{domain}.log",
    benchmark:
        "results/benchmarks/label_validated_fetched_domain/{domain}.tsv"
    wildcard_constraints:
        domain=one_of(set(EXPERIMENT.fetched) & set(EXPERIMENT.labelled) & set(EXPERIMENT.held_out)),
