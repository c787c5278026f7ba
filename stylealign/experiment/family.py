"""How the models of a configuration descend from each other, and what they are called in the tables."""

import copy
from typing import Self

from stylealign.applications.labels.tasks import scored, task_of
from stylealign.config import Config, without_figures
from stylealign.measurements.shared import OTHER_SEED, UNALIGNED

ALL_KINDS = ("segmentation", "keypoints", "pose", "attributes")
"""Kinds of labels that drawn figures come with."""


class Family:
    """Parents, children and controls of a configuration.

    Attributes:
        models: every model by name.
        zero_shot: how labels are carried to the children's domains.
        inversion_spaces: spaces that test images are inverted into.
        drawn, imported, fetched: domains that are drawn, of one's own pictures, and downloaded.
        pictured: domains that there are images of.
        labelled: domains of one's own pictures that come with labels, and the kinds of these.
        held_out: domains that have validation images, with labels or without.
        validated: domains with labels that have validation images, on which the best of several methods is chosen.
        labellers: domains with networks of one's own that label their images, by task.
        without_figures: drawn domains with other classes than a figure's, and no key points.
        resolutions_px: size of the images of each domain.
        configured: model of one of several seeds -> its name in the configuration.
        controls: control -> the child that it is the control of.
        children: models with a parent, without the controls.
        trained: models that the run trains; the others are fetched.
        parents: models that a child is compared with, and roots that no model descends from.
    """

    def __init__(self, config: Config) -> None:
        self.models = config.models
        self.zero_shot = config.zero_shot
        self.inversion_spaces = config.inversion_spaces
        self.drawn = [name for name, domain in config.domains.items() if domain.draw]
        self.without_figures = [name for name in self.drawn if config.domains[name].draw in without_figures()]
        self.resolutions_px = {name: domain.resolution_px for name, domain in config.domains.items()}
        self.imported = [name for name, domain in config.domains.items() if domain.path]
        self.pictured = [name for name, domain in config.domains.items() if domain.has_images]
        self.labelled = {name: own.annotations.kinds for name, own in config.domains.items() if own.annotations}
        self.held_out = [name for name, domain in config.domains.items() if domain.val_images]
        self.validated = [name for name in self.held_out if name in {*self.drawn, *self.labelled}]
        self.labellers = {name: own.labellers for name, own in config.domains.items() if own.labellers}
        self.fetched = [name for name, domain in config.domains.items() if domain.fetch]
        self.configured = {model: name for name, models in config.seeded.items() for model in models}
        self.controls = {name: model.control_of for name, model in self.models.items() if model.control_of}
        self.children = [name for name, model in self.models.items() if model.parent and name not in self.controls]
        self.trained = [name for name, model in self.models.items() if not model.fetch]
        used = {model.parent for model in self.models.values()}
        alone = [name for name, model in self.models.items() if not model.parent and name not in used]
        self.parents = list(dict.fromkeys([*map(self.parent_of, self.children), *alone]))

    def within(self, kind: str, needs_images: bool = False) -> Self:
        """Return the same with those models alone that are in a kind of measurement.

        Args:
            kind: its name.
            needs_images: whether it needs images of the domain of a model and of the model that it is compared with.
        """
        narrowed = copy.copy(self)
        measured = {name: self.models[name].measured for name in self.children}
        children = [name for name, kinds in measured.items() if kinds is None or kind in kinds]
        if needs_images:
            children = [name for name in children if {name, self.parent_of(name)} <= set(self._drawing_pictured())]
            narrowed.parents = [name for name in self.parents if name in self._drawing_pictured()]
        narrowed.children = children
        narrowed.controls = {name: of for name, of in self.controls.items() if of in children}
        return narrowed

    def _drawing_pictured(self) -> list[str]:
        return [name for name in self.models if self.domain_of(name) in self.pictured]

    def parent_of(self, child: str) -> str:
        """Return the parent of a model that has one."""
        parent = self.models[child].parent
        assert parent is not None, f"{child} has a parent"
        return parent

    def domain_of(self, model: str) -> str:
        """Return the domain that a model draws."""
        return self.models[model].domain

    def aligned_parent(self, model: str) -> str | None:
        """Return the parent a child is compared with; of a control, the parent of the child it is the control of."""
        return self.models[self.controls.get(model, model)].parent

    def compared_with(self, model: str) -> str:
        """Return the same of a child or a control, which have one."""
        return self.parent_of(self.controls.get(model, model))

    def figure_domains(self, resolution_px: int) -> list[str]:
        """Return the domains of figures of one size that models of the run draw: one network measures them all."""
        figures = [name for name in self.drawn if name not in self.without_figures]
        used = {model.domain for model in self.models.values()}
        return [name for name in figures if name in used and self.resolutions_px[name] == resolution_px]

    def controls_of(self, child: str) -> list[str]:
        """Return the controls of a child."""
        return [control for control, of in self.controls.items() if of == child]

    def control_setting(self, model: str) -> str:
        """Return what tells a control's rows from those of the child's first control; empty for that and for others."""
        child = self.controls.get(model, "")
        if model not in self.controls_of(child)[1:]:
            return ""
        return self.configured.get(model, model) if child in self.configured else model

    def controls_by_method(self, child: str, method: str) -> dict[str, str]:
        """Return the controls of a child by METHOD[/SETTING], the first one without a setting."""
        controls = self.controls_of(child)
        return {"/".join(filter(None, (method, self.control_setting(control)))): control for control in controls}

    def family(self, child: str) -> list[str]:
        """Return a child and its controls."""
        return [child, *self.controls_of(child)]

    def trained_family(self, child: str) -> list[str]:
        """Return those of a child and its controls that the run trains: they have a curve, a log and snapshots."""
        return [model for model in self.family(child) if model in self.trained]

    def aligned_with(self, parent: str) -> list[str]:
        """Return a parent, its children and their controls."""
        children = [child for child in self.children if self.models[child].parent == parent]
        return [parent, *(model for child in children for model in self.family(child))]

    def recovered(self) -> list[str]:
        """Return the models that were fine-tuned back to the domain of their parent's parent, without controls."""
        found = []
        for child in self.children:
            root = self.models[self.parent_of(child)].parent
            if root is not None and self.domain_of(root) == self.domain_of(child):
                found.append(child)
        return found

    def recovery_models(self, child: str) -> dict[str, str]:
        """Return what a recovery is measured in, by METHOD[/SETTING]: the model, controls, other parents."""
        between = self.parent_of(child)
        root, domain = self.parent_of(between), self.domain_of(child)
        found = {"child": child} | self.controls_by_method(child, UNALIGNED)
        others = {self.parent_of(control): None for control in self.controls_of(between)}
        others = {name: None for name in others if name != root and self.domain_of(name) == domain}
        for number, other in enumerate(others):
            found[OTHER_SEED if number == 0 else f"{OTHER_SEED}/{other}"] = other
        return found

    def ladders(self) -> list[str]:
        """Return the parents of children in several domains."""
        return [parent for parent in self.parents if len({self.domain_of(child) for child in self.rungs(parent)}) > 1]

    def rungs(self, parent: str) -> list[str]:
        """Return the children of a parent, without controls."""
        return [child for child in self.children if self.parent_of(child) == parent]

    def is_annotated(self, model: str) -> bool:
        """Return whether a model's and its parent's domain come with the same annotations, as drawn figures do."""
        names = [model, *filter(None, [self.aligned_parent(model)])]
        domains = {self.domain_of(name) for name in names}
        return domains <= set(self.drawn) and len({domain in self.without_figures for domain in domains}) == 1

    def labels_of(self, domain: str) -> tuple[str, ...]:
        """Return the kinds of labels that a domain's images come with."""
        if domain in self.drawn:
            return ALL_KINDS if domain not in self.without_figures else tuple(k for k in ALL_KINDS if k != "keypoints")
        return self.labelled.get(domain, ())

    def zero_shot_tasks(self, child: str) -> list[str]:
        """Return the tasks that the domain of a child's parent has labels or a labeller of: these are carried over."""
        parents, own = (self.domain_of(model) for model in (self.compared_with(child), child))
        if parents not in self.labellers and {parents, own} <= set(self.drawn) and not self.is_annotated(child):
            return []  # drawn domains that name nothing alike
        return [
            task.name
            for task in scored()
            if task.pseudo and (self.has_labeller(task.name, parents) or self.has_labels(task.name, parents))
        ]

    def has_labeller(self, task: str, domain: str) -> bool:
        """Return whether a domain has a network of one's own that labels its images."""
        return task in self.labellers.get(domain, {})

    def has_labels(self, task: str, domain: str) -> bool:
        """Return whether a domain's images come with the labels of a task."""
        return set(task_of(task).labels) <= set(self.labels_of(domain))

    def is_tested(self, task: str, child: str) -> bool:
        """Return whether the domain of a child has the labels to test networks of a task with."""
        return self.has_labels(task, self.domain_of(child))

    def generators_of(self, subject: str) -> list[str]:
        """Return the models that are scored on the domain of `subject`, a parent or a child."""
        if subject not in self.children:
            return [subject]
        return [subject, self.parent_of(subject), *self.controls_of(subject)]

    def generator_method(self, subject: str, model: str) -> str:
        """Return what the tables' `method` column says of a model that is scored on the domain of `subject`."""
        if model in self.controls:
            return UNALIGNED
        return "child" if model == subject and subject in self.children else "parent"

    def model_method(self, model: str) -> str:
        """Return what the tables' `method` column says of a model that is measured in its own domain."""
        return self.generator_method(self.controls.get(model, model), model)

    def covering_models(self) -> list[str]:
        """Return the models whose coverage is measured: of annotated domains, the controls and their parents too."""
        parents_of_controls = [self.parent_of(control) for control in self.controls]
        named = dict.fromkeys([*self.parents, *parents_of_controls, *self.children, *self.controls])
        return [model for model in named if self.domain_of(model) in self.drawn]
