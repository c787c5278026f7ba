# Codes of held-out images.


rule invert:
    input:
        model=lambda w: model_file(w.model),
        data=lambda w: data_file(domain_of(w.model), "test.zip"),
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
        mem_mb=3000,
        runtime=240,
    params:
        settings=lambda w: as_json(RUN.inversion, space=w.space),
        out_dir=subpath(output.codes, parent=True),
        version=version("invert"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign invert --model {input.model} --data {input.data}"
        " --out-dir {params.out_dir} --settings {params.settings:q} &> {log}"
