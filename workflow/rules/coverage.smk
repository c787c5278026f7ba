# Whether a model draws all of its domain: poses as widely spread, attributes as frequent as in the training images.


rule coverage:
    input:
        unpack(lambda w: coverage_inputs(domain_of(w.model))),
        model=lambda w: model_file(w.model),
    output:
        rows="results/metrics/coverage/{model}.json",
    log:
        "results/logs/coverage/{model}.log",
    benchmark:
        "results/benchmarks/coverage/{model}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("coverage"),
        runtime=minutes("coverage"),
    params:
        names=lambda w: row_names(w.model, model_method(w.model)),
        inputs=lambda w, input: flags(**input),
        settings=measuring_settings("coverage"),
        version=kind("coverage").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate coverage {params.inputs} {params.names}"
        " --settings {params.settings:q} --out {output.rows} &> {log}"


# What the measurement says of images that do come from the domain.
rule coverage_of_domain:
    input:
        unpack(lambda w: coverage_inputs(w.domain)),
    output:
        rows="results/metrics/coverage/test/{domain}.json",
    log:
        "results/logs/coverage/test/{domain}.log",
    benchmark:
        "results/benchmarks/coverage/test/{domain}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("coverage_of_domain"),
        runtime=minutes("coverage_of_domain"),
    params:
        names=lambda w: flags(child_name=w.domain, method="test images"),
        inputs=lambda w, input: flags(**input),
        settings=measuring_settings("coverage", without="samples"),
        version=kind("coverage").version,
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign evaluate coverage {params.inputs} {params.names}"
        " --settings {params.settings:q} --out {output.rows} &> {log}"
