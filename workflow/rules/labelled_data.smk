# Images of one's own or published ones, with labels of one's own.


use rule import_domain as import_labelled_domain with:
    input:
        pictures=lambda w: ancient(own_path(RUN.domains[w.domain].path)),
        labels=lambda w: [ancient(own_path(file)) for file in RUN.domains[w.domain].annotations.files.values()],
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
        "results/logs/import_labelled_domain/{domain}.log",
    benchmark:
        "results/benchmarks/import_labelled_domain/{domain}.tsv"
    wildcard_constraints:
        domain=one_of(set(EXPERIMENT.imported) & set(EXPERIMENT.labelled) - set(EXPERIMENT.validated)),
    params:
        settings=lambda w: EXPERIMENT.identity.settings_of(w.domain),
        content=lambda w: EXPERIMENT.identity.pictures_of(w.domain),
        labels=lambda w: EXPERIMENT.identity.labels_of(w.domain),
        out_dir=subpath(output.train, parent=True),
        version=version("data"),


# Labels of one's own of a published set's pictures, by the names in its archive.
use rule fetch_domain as fetch_labelled_domain with:
    input:
        labels=lambda w: [ancient(own_path(file)) for file in RUN.domains[w.domain].annotations.files.values()],
    output:
        train="data/prepared/{domain}/train.zip",
        test="data/prepared/{domain}/test.zip",
        train_annotations="data/prepared/{domain}/train.annotations.npz",
        test_annotations="data/prepared/{domain}/test.annotations.npz",
        preview=report("data/prepared/{domain}/preview.png", caption="../report/preview.rst", category="Data"),
        config="data/prepared/{domain}/config.json",
    log:
        "results/logs/fetch_labelled_domain/{domain}.log",
    benchmark:
        "results/benchmarks/fetch_labelled_domain/{domain}.tsv"
    wildcard_constraints:
        domain=one_of(set(EXPERIMENT.fetched) & set(EXPERIMENT.labelled) - set(EXPERIMENT.validated)),
    params:
        source=lambda w: RUN.domains[w.domain].fetch,
        entry=lambda w: json.dumps(EXPERIMENT.zoo.entry("datasets", RUN.domains[w.domain].fetch)),
        settings=lambda w: EXPERIMENT.identity.settings_of(w.domain),
        labels=lambda w: EXPERIMENT.identity.labels_of(w.domain),
        out_dir=subpath(output.train, parent=True),
        version=version("data"),


# The same with a validation split, on which the best of several methods is chosen.
use rule import_labelled_domain as import_validated_domain with:
    output:
        train="data/prepared/{domain}/train.zip",
        test="data/prepared/{domain}/test.zip",
        val="data/prepared/{domain}/val.zip",
        train_annotations="data/prepared/{domain}/train.annotations.npz",
        test_annotations="data/prepared/{domain}/test.annotations.npz",
        val_annotations="data/prepared/{domain}/val.annotations.npz",
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
        domain=one_of(set(EXPERIMENT.imported) & set(EXPERIMENT.labelled) & set(EXPERIMENT.validated)),


use rule fetch_labelled_domain as fetch_validated_domain with:
    output:
        train="data/prepared/{domain}/train.zip",
        test="data/prepared/{domain}/test.zip",
        val="data/prepared/{domain}/val.zip",
        train_annotations="data/prepared/{domain}/train.annotations.npz",
        test_annotations="data/prepared/{domain}/test.annotations.npz",
        val_annotations="data/prepared/{domain}/val.annotations.npz",
        preview=report("data/prepared/{domain}/preview.png", caption="../report/preview.rst", category="Data"),
        config="data/prepared/{domain}/config.json",
    log:
        "results/logs/fetch_validated_domain/{domain}.log",
    benchmark:
        "results/benchmarks/fetch_validated_domain/{domain}.tsv"
    wildcard_constraints:
        domain=one_of(set(EXPERIMENT.fetched) & set(EXPERIMENT.labelled) & set(EXPERIMENT.validated)),
