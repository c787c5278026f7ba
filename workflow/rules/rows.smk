# Which measurements and figures a configuration asks for.


def controls_of(child):
    return [control for control, of in CONTROLS.items() if of == child]


def generators_of(subject):
    """Return the models that are scored on the domain of `subject`, a root parent or a child."""
    return [subject] + ([MODELS[subject].parent, *controls_of(subject)] if subject in CHILDREN else [])


def generator_method(subject, model):
    if model in CONTROLS:
        return "unaligned"
    return "child" if model == subject and subject in CHILDREN else "parent"


def model_method(model):
    """Return what the tables' `method` column says of a model that is measured in its own domain."""
    return generator_method(CONTROLS.get(model, model), model)


def covering_models():
    """Return the models whose coverage is measured: of domains with annotations, the controls and their parents too."""
    named = dict.fromkeys([*PARENTS, *(MODELS[control].parent for control in CONTROLS), *CHILDREN, *CONTROLS])
    return [model for model in named if domain_of(model) in DRAWN]


def coverage_inputs(domain):
    return {
        "data": data_file(domain, "train.zip"),
        "test_data": data_file(domain, "test.zip"),
        "annotations": data_file(domain, "test.annotations.npz"),
        "pose": label_network("pose", domain),
        "attributes": label_network("attributes", domain),
    }


def measuring_networks(model, tasks=("segmentation", "keypoints", "pose")):
    """Return the label networks of the domains of a child and of its parent by role; none where there are no labels."""
    roles = {"parent": aligned_parent(model), "child": model} if is_annotated(model) else {}
    return {f"{role}_{task}": label_network(task, domain_of(name)) for role, name in roles.items() for task in tasks}


def guided_space():
    """Return the space of the codes that guides and the swapped model start from."""
    return RUN.translation.space if RUN.translation.space in RUN.inversion_spaces else detailed_space()


def translate_inputs(model, way):
    """Return what a translation needs; `way` is a space, a guide or the layer swap."""
    parent, space = aligned_parent(model), way if way in RUN.inversion_spaces else guided_space()
    target = f"results/translation/{model}/{LAYER_SWAP}/model.safetensors" if way == LAYER_SWAP else model_file(model)
    inputs = {
        "codes": f"results/latents/{parent}/{space}/codes.npz",
        "source_model": model_file(parent),
        "target_model": target,
    }
    if GUIDES.get(way) == "reference":
        inputs["reference_codes"] = f"results/latents/{model}/{space}/codes.npz"
    return inputs


def translate_settings(way):
    if way in GUIDES:
        return as_json(RUN.translation, space=guided_space(), guide=GUIDES[way], outputs=RUN.guided_outputs)
    space = guided_space() if way == LAYER_SWAP else way
    return as_json(RUN.translation, space=space, guide="none", outputs=1)


def random_seeds(child):
    """Return as many seeds as a guide draws images, or more where the number of sources is not known yet."""
    sources = min(RUN.inversion.images, RUN.domains[domain_of(aligned_parent(child))].splits.test_images)
    return f"0-{sources * RUN.guided_outputs - 1}"


def encoder_inputs(wildcards):
    """Return the encoder of an inversion that starts with one."""
    if RUN.inversion_of(wildcards.space).init != "encoder":
        return {}
    return {"encoder": f"results/latents/{wildcards.model}/encoder.safetensors"}


def translation_methods(child):
    """Return the image zips of a translation's measurement by METHOD[/SETTING]; the untouched sources need none."""
    ways = [*RUN.inversion_spaces, *GUIDES, LAYER_SWAP, "random"]
    methods = {way: f"results/translation/{child}/{way}/images.zip" for way in ways}
    for control in controls_of(child):
        methods |= {
            f"unaligned/{space}": f"results/translation/{control}/{space}/images.zip" for space in RUN.inversion_spaces
        }
    return methods


def translation_data(child):
    """Return what translations are measured against: images, and label networks where the domains have labels."""
    source, target = domain_of(aligned_parent(child)), domain_of(child)
    files = {
        "source_data": data_file(source, "test.zip"),
        "target_data": data_file(target, "test.zip"),
        "target_train": data_file(target, "train.zip"),
    }
    for task in ("keypoints", "pose", "segmentation") if is_annotated(child) else ():
        files[f"source_{task}"] = label_network(task, source)
        files[f"target_{task}"] = label_network(task, target)
    return files


def zero_shot_networks(task, child):
    """Return the networks that the zero-shot tables and figures test on the domain of `child`, by METHOD[/SETTING]."""
    names = ["zero-shot unaligned", *(f"zero-shot unaligned/{control}" for control in controls_of(child)[1:])]
    transferred = {"zero-shot": child, **dict(zip(names, controls_of(child)))}
    return {
        "source-only": label_network(task, domain_of(aligned_parent(child))),
        **{method: f"results/zero_shot/{task}/{model}/zero-shot.safetensors" for method, model in transferred.items()},
        "oracle": label_network(task, domain_of(child)),
    }


def all_rows():
    """Return every file of rows, in the order of the tables."""
    rows = [f"generators/{subject}/{model}" for subject in PARENTS + CHILDREN for model in generators_of(subject)]
    rows += [f"coverage/test/{domain}" for domain in dict.fromkeys(map(domain_of, covering_models()))]
    rows += [f"coverage/{model}" for model in covering_models()]
    rows += [f"inversion/{model}/{space}" for model in PARENTS + CHILDREN for space in RUN.inversion_spaces]
    rows += [f"{table}/{child}" for table in ("translation", "morphing") for child in CHILDREN]
    rows += [f"zero_shot/{task}/{child}" for task in TASKS for child in filter(is_annotated, CHILDREN)]
    rows += [f"{kind}/{model}" for kind in ALIGNMENT for child in CHILDREN for model in family(child)]
    return [f"results/metrics/{row}.json" for row in dict.fromkeys(rows)]


def family(child):
    """Return a child and its controls."""
    return [child, *controls_of(child)]


def all_figures():
    figures = ["samples", *(f"aligned-{parent}" for parent in PARENTS)]
    figures += [f"{kind}-{child}" for kind in ("translation", "multi-modal", "morphing") for child in CHILDREN]
    figures += [f"{kind}-{child}" for kind in ("zero-shot", "curve") for child in CHILDREN if is_annotated(child)]
    return [f"results/figures/{figure}.png" for figure in figures]


def seed_groups():
    """Return the flag that says which models differ in the seed alone."""
    groups = [f"{name}={','.join(models)}" for name, models in RUN.seeded.items() if models[0] in CHILDREN + PARENTS]
    return "--seeds " + " ".join(groups) if groups else ""


def labelled(names, files):
    """Return NAME=FILE arguments: the labelled rows of a figure."""
    return " ".join(quote(f"{name}={file}") for name, file in zip(names, files, strict=True))


def aligned_with(parent):
    """Return a parent, its children and their controls."""
    return [parent, *(model for child in CHILDREN if MODELS[child].parent == parent for model in family(child))]


def translation_rows(child):
    """Return the image zips of a translation figure by label: reconstructions, translations, swap, the control's."""
    parent, rows = aligned_parent(child), {}
    for space in RUN.inversion_spaces:
        rows[f"reconstruction {space}"] = f"results/latents/{parent}/{space}/reconstructions.zip"
        rows |= {f"{model} {space}": f"results/translation/{model}/{space}/images.zip" for model in family(child)}
    return rows | {LAYER_SWAP: f"results/translation/{child}/{LAYER_SWAP}/images.zip"}
