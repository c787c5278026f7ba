# Measurements: one file of rows each, with where the numbers come from.


rule generators:
    input:
        measuring_weights("generators"),
        unpack(lambda w: share_inputs(w.subject)),
        model=lambda w: model_file(w.model),
        data=lambda w: features_file(domain_of(w.subject), "train"),
    output:
        rows="results/metrics/generators/{subject}/{model}.json",
    log:
        "results/logs/generators/{subject}/{model}.log",
    benchmark:
        "results/benchmarks/generators/{subject}/{model}.tsv"
    wildcard_constraints:
        subject=one_of(MODELS),
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("generators"),
        runtime=minutes("generators"),
    params:
        share=lambda w: flags(**share_inputs(w.subject)),
        names=lambda w: row_names(w.subject, generator_method(w.subject, w.model), EXPERIMENT.control_setting(w.model)),
        settings=measuring_settings("generators"),
        version=kind("generators").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate generators --model {input.model} --data {input.data}"
        " {params.share} {params.names} --settings {params.settings:q} --out {output.rows} &> {log}"


rule inversion:
    input:
        codes="results/latents/{model}/{space}/codes.npz",
        reconstructions="results/latents/{model}/{space}/reconstructions.zip",
        metrics="results/latents/{model}/{space}/metrics.json",
        timing="results/latents/{model}/{space}/timing.json",
        data=lambda w: data_file(domain_of(w.model), "test.zip"),
        weights=measuring_weights("inversion"),
    output:
        rows="results/metrics/inversion/{model}/{space}.json",
    log:
        "results/logs/inversion/{model}/{space}.log",
    benchmark:
        "results/benchmarks/inversion/{model}/{space}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("inversion"),
        runtime=minutes("inversion"),
    params:
        names=lambda w: row_names(w.model, setting=EXPERIMENT.truncation(w.space, inverted=True)),
        settings=measuring_settings("inversion"),
        version=kind("inversion").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate inversion --codes {input.codes}"
        " --reconstructions {input.reconstructions} --metrics {input.metrics} --timing {input.timing}"
        " --data {input.data} {params.names} --settings {params.settings:q} --out {output.rows} &> {log}"


# All methods of a child in one job: the target's images are read once.
rule translation:
    input:
        measuring_weights("translation"),
        unpack(lambda w: translation_data(w.child)),
        images=lambda w: list(translation_methods(w.child).values()),
    output:
        rows="results/metrics/translation/{child}.json",
    log:
        "results/logs/translation/{child}.log",
    benchmark:
        "results/benchmarks/translation/{child}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("translation"),
        runtime=minutes("translation"),
    params:
        rows=lambda w: named_files(translation_methods(w.child).items()),
        inputs=lambda w: flags(**translation_data(w.child)),
        names=lambda w: row_names(w.child),
        settings=measuring_settings("translation"),
        version=kind("translation").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate translation {params.rows} --untouched"
        " {params.inputs} {params.names} --settings {params.settings:q} --out {output.rows} &> {log}"


rule morphing:
    input:
        metrics="results/morphing/{child}/metrics.json",
        middle="results/morphing/{child}/middle.zip",
        source_data=lambda w: data_file(domain_of(aligned_parent(w.child)), "test.zip"),
        target_data=lambda w: data_file(domain_of(w.child), "test.zip"),
        weights=measuring_weights("morphing"),
    output:
        rows="results/metrics/morphing/{child}.json",
    log:
        "results/logs/morphing/{child}.log",
    benchmark:
        "results/benchmarks/morphing/{child}.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("morphing"),
        runtime=minutes("morphing"),
    params:
        names=lambda w: row_names(w.child),
        settings=measuring_settings("morphing"),
        version=kind("morphing").version,
    shell:
        "stylealign evaluate morphing --metrics {input.metrics} --middle {input.middle}"
        " --source-data {input.source_data} --target-data {input.target_data} {params.names}"
        " --settings {params.settings:q} --out {output.rows} &> {log}"


# All methods of a child and a task in one job.
rule zero_shot:
    input:
        unpack(lambda w: validation_inputs(w.child)),
        files=lambda w: list(zero_shot_files(w.task, w.child).values()),
        parent=lambda w: model_file(aligned_parent(w.child)),
        data=lambda w: data_file(domain_of(w.child), "test.zip"),
        annotations=lambda w: data_file(domain_of(w.child), "test.annotations.npz"),
    output:
        rows="results/metrics/zero_shot/{task}/{child}.json",
    log:
        "results/logs/zero_shot/{task}/{child}.log",
    benchmark:
        "results/benchmarks/zero_shot/{task}/{child}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("zero_shot"),
        runtime=minutes("zero_shot"),
    params:
        rows=lambda w: named_files(zero_shot_files(w.task, w.child).items()),
        validation=lambda w: flags(**validation_inputs(w.child), **other_classes(w.task)),
        names=lambda w: row_names(w.child),
        settings=lambda w: measuring_settings("zero_shot", task=w.task),
        version=kind("zero_shot").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate zero-shot {params.rows}"
        " --task {wildcards.task} --data {input.data} --annotations {input.annotations} {params.validation}"
        " --parent {input.parent} {params.names} --settings {params.settings:q} --out {output.rows} &> {log}"


# Attributes by networks and by latent codes, and numbers by codes of few labels.
rule zero_shot_classification:
    input:
        unpack(lambda w: classification_inputs(w.child)),
        files=lambda w: list(classification_files(w.child).values()),
    output:
        rows="results/metrics/zero_shot_classification/{child}.json",
    log:
        "results/logs/zero_shot_classification/{child}.log",
    benchmark:
        "results/benchmarks/zero_shot_classification/{child}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("zero_shot_classification"),
        runtime=minutes("zero_shot_classification"),
    params:
        rows=lambda w: named_files(classification_files(w.child).items()),
        inputs=lambda w: flags(**classification_inputs(w.child)),
        names=lambda w: row_names(w.child),
        settings=measuring_settings("zero_shot_classification"),
        version=kind("zero_shot_classification").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate zero-shot-classification {params.rows}"
        " {params.inputs} {params.names} --settings {params.settings:q} --out {output.rows} &> {log}"


# The same of domains that share numbers alone.
use rule zero_shot_classification as zero_shot_numbers with:
    output:
        rows="results/metrics/zero_shot_classification/numbers/{child}.json",
    log:
        "results/logs/zero_shot_numbers/{child}.log",
    benchmark:
        "results/benchmarks/zero_shot_numbers/{child}.tsv"
