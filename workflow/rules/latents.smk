# Codes of held-out images, and the encoders that may find them.


rule encoder:
    input:
        model=lambda w: model_file(w.model),
        data=lambda w: data_file(domain_of(w.model), "train.zip"),
        weights=weights_of(RUN.encoder.perceptual),
    output:
        encoder="results/latents/{model}/encoder.safetensors",
    log:
        "results/logs/encoder/{model}.log",
    benchmark:
        "results/benchmarks/encoder/{model}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("encoder"),
        runtime=minutes("encoder"),
    params:
        settings=as_json(RUN.encoder),
        weights=lambda w, input: flags(weights=input.weights),
        version=version("encoder"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign encoder --model {input.model} --data {input.data}"
        " {params.weights} --out {output.encoder} --settings {params.settings:q} &> {log}"


rule invert:
    input:
        unpack(lambda w: EXPERIMENT.encoder_inputs(w.model, w.space)),
        model=lambda w: model_file(w.model),
        data=lambda w: data_file(domain_of(w.model), "test.zip"),
        reference=lambda w: data_file(domain_of(w.model), "test.zip"),
        weights=lambda w: weights_of(RUN.inversion_of(w.space).perceptual),
    output:
        codes="results/latents/{model}/{space}/codes.npz",
        reconstructions="results/latents/{model}/{space}/reconstructions.zip",
        sheet=report(
            "results/latents/{model}/{space}/sheet.png",
            caption="../report/inversion.rst",
            category="Inversion",
            labels={"model": "{model}", "space": "{space}"},
        ),
        losses="results/latents/{model}/{space}/losses.csv",
        metrics="results/latents/{model}/{space}/metrics.json",
        timing="results/latents/{model}/{space}/timing.json",
    log:
        "results/logs/invert/{model}/{space}.log",
    benchmark:
        "results/benchmarks/invert/{model}/{space}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("invert"),
        runtime=minutes("invert"),
    params:
        settings=lambda w: as_json(RUN.inversion_of(w.space)),
        encoder=lambda w, input: flags(encoder=input.get("encoder")),
        weights=lambda w, input: flags(weights=input.weights),
        out_dir=subpath(output.codes, parent=True),
        version=version("invert"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign invert --model {input.model} --data {input.data}"
        " --reference {input.reference} {params.encoder} {params.weights} --out-dir {params.out_dir}"
        " --settings {params.settings:q} &> {log}"
