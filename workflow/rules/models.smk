# Parents, from the zoo or from scratch, and the children that are fine-tuned from them.


rule fetch_parent:
    input:
        source=lambda w: [ancient(file) for file in [EXPERIMENT.identity.model_file(w.model)] if file],
    output:
        model="results/models/{model}/model.safetensors",
    log:
        "results/logs/fetch_parent/{model}.log",
    benchmark:
        "results/benchmarks/fetch_parent/{model}.tsv"
    wildcard_constraints:
        model=one_of(name for name in MODELS if MODELS[name].fetch and not MODELS[name].parent),
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("fetch_parent"),
        runtime=minutes("fetch_parent"),
    params:
        source=lambda w: MODELS[w.model].fetch,
        identity=lambda w: EXPERIMENT.identity.source_of(w.model),
        version=version("fetch"),
    shell:
        'stylealign fetch {params.source:q} --zoo "$STYLEALIGN_ZOO" --out {output.model} &> {log}'


# Its weights say whether it looks like a child of this parent; the log names one that does not.
rule fetch_child:
    input:
        source=lambda w: [ancient(file) for file in [EXPERIMENT.identity.model_file(w.model)] if file],
        parent=lambda w: model_file(MODELS[w.model].parent),
    output:
        model="results/models/{model}/model.safetensors",
    log:
        "results/logs/fetch_child/{model}.log",
    benchmark:
        "results/benchmarks/fetch_child/{model}.tsv"
    wildcard_constraints:
        model=one_of(name for name in MODELS if MODELS[name].fetch and MODELS[name].parent),
    threads: 1
    resources:
        gpu=0,
        mem_mb=memory("fetch_child"),
        runtime=minutes("fetch_child"),
    params:
        source=lambda w: MODELS[w.model].fetch,
        identity=lambda w: EXPERIMENT.identity.source_of(w.model),
        version=version("fetch"),
    shell:
        'stylealign fetch {params.source:q} --zoo "$STYLEALIGN_ZOO" --parent {input.parent} --out {output.model} &> {log}'


# A training that is stopped, by whatever, goes on from the state in its run directory: retries and later runs resume it.
# The state belongs to one thread count, since another one gives other last digits. Trainings are the longest jobs: first,
# so that no other core is left waiting for them in the end.
rule train_child:
    input:
        data=lambda w: data_file(domain_of(w.model), "train.zip"),
        weights=lambda w: EXPERIMENT.weights_of_training(w.model),
        parent=lambda w: model_file(MODELS[w.model].parent),
        encoder=lambda w: EXPERIMENT.encoder_of_training(w.model),
    output:
        model="results/models/{model}/model.safetensors",
        samples=report(
            "results/models/{model}/samples.png",
            caption="../report/samples.rst",
            category="Models",
            labels={"model": "{model}"},
        ),
        log="results/models/{model}/log.jsonl",
        config="results/models/{model}/config.json",
        snapshots="results/models/{model}/snapshots.zip",
    log:
        "results/logs/train_child/{model}.log",
    benchmark:
        "results/benchmarks/train_child/{model}.tsv"
    wildcard_constraints:
        model=one_of(name for name in MODELS if MODELS[name].parent and not MODELS[name].fetch),
    priority: 1
    retries: TRAINING_RETRIES
    threads: threads_of_training
    resources:
        gpu=1,
        mem_mb=memory("train_child"),
        runtime=minutes("train_child"),
        slurm_extra=SIGNAL_BEFORE_TIME_LIMIT,
        upkeep=lambda w: EXPERIMENT.upkeep(w.model),
    params:
        settings=lambda w: EXPERIMENT.training_settings(w.model),
        weights=lambda w, input: flags(weights=input.weights, encoder=input.encoder),
        run_dir=lambda w: EXPERIMENT.identity.run_dir(w.model),
        out_dir=subpath(output.model, parent=True),
        version=version("train"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign train --data {input.data} --init-from {input.parent}"
        " --run-dir {params.run_dir}-threads{threads} --out-dir {params.out_dir}"
        " --settings {params.settings:q} {params.weights} {resources.upkeep} --threads {threads} &> {log}"


rule train_parent:
    input:
        data=lambda w: data_file(domain_of(w.model), "train.zip"),
        weights=lambda w: EXPERIMENT.weights_of_training(w.model),
    output:
        model="results/models/{model}/model.safetensors",
        samples=report(
            "results/models/{model}/samples.png",
            caption="../report/samples.rst",
            category="Models",
            labels={"model": "{model}"},
        ),
        log="results/models/{model}/log.jsonl",
        config="results/models/{model}/config.json",
    log:
        "results/logs/train_parent/{model}.log",
    benchmark:
        "results/benchmarks/train_parent/{model}.tsv"
    wildcard_constraints:
        model=one_of(name for name in MODELS if MODELS[name].architecture),
    priority: 1
    retries: TRAINING_RETRIES
    threads: threads_of_training
    resources:
        gpu=1,
        mem_mb=memory("train_parent"),
        runtime=minutes("train_parent"),
        slurm_extra=SIGNAL_BEFORE_TIME_LIMIT,
        upkeep=lambda w: EXPERIMENT.upkeep(w.model),
    params:
        architecture=lambda w: as_json(MODELS[w.model].architecture),
        settings=lambda w: EXPERIMENT.training_settings(w.model),
        weights=lambda w, input: flags(weights=input.weights),
        run_dir=lambda w: EXPERIMENT.identity.run_dir(w.model),
        out_dir=subpath(output.model, parent=True),
        version=version("train"),
    shell:
        "stylealign gpu-run -n {resources.gpu} -- stylealign train --data {input.data}"
        " --architecture {params.architecture:q} --run-dir {params.run_dir}-threads{threads} --out-dir {params.out_dir}"
        " --settings {params.settings:q} {params.weights} {resources.upkeep} --threads {threads} &> {log}"
