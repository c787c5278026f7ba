"""What an experiment's children and domains are measured with."""

from stylealign.applications.labels.methods import BACKWARDS, BOUNDS, TRANSFERRED, UNALIGNED_END, Method, method_of
from stylealign.applications.labels.tasks import comparing, drawn
from stylealign.experiment.family import Family
from stylealign.experiment.paths import (
    Files,
    data_file,
    features_file,
    given_network,
    joint_network,
    label_network,
    model_file,
    predictions,
    transferred_network,
    untested_network,
)
from stylealign.latents.spaces import most_detailed
from stylealign.measurements.zero_shot_values import BOUNDARY


class Measuring(Family):
    """The files that measure models and translations."""

    def measuring_networks(self, model: str) -> Files:
        """Return the label networks that measure a child and its parent alike, by task; none without figures."""
        own, parents = self.domain_of(model), self.domain_of(self.compared_with(model))
        px = self.resolutions_px[own]
        if not {own, parents} <= set(self.figure_domains(px)):
            return {}
        return {task.name: joint_network(task.name, px) for task in comparing()}

    def semantic_inputs(self, model: str) -> Files:
        """Return what the effects of directions are measured with: networks, and the parent's parent of a child."""
        parent = self.compared_with(model)
        files = {name: file for name, file in self.measuring_networks(model).items() if name == "pose"}
        if self.is_annotated(model):
            files["parent_attributes"] = label_network("attributes", self.domain_of(parent))
            files["child_attributes"] = label_network("attributes", self.domain_of(model))
        return files | self.root_input(model)

    def root_input(self, model: str) -> Files:
        """Return the parent's parent of a child that has one."""
        parent = self.compared_with(model)
        if model not in self.children or self.models[parent].parent is None:
            return {}
        return {"root": model_file(self.parent_of(parent))}

    def recovery_inputs(self, child: str) -> Files:
        """Return what a recovery is measured with: the models before the last training, and networks."""
        between = self.parent_of(child)
        networks = self.semantic_inputs(between)
        networks.pop("root", None)
        return {"parent": model_file(self.parent_of(between)), "between": model_file(between)} | networks

    def share_inputs(self, subject: str) -> Files:
        """Return what tells the domain of `subject` from its parent's: features of both; none for a parent."""
        if self.aligned_parent(subject) is None:
            return {}
        own, parents = self.domain_of(subject), self.domain_of(self.compared_with(subject))
        if own == parents:
            return {}
        return {
            "parent_data": features_file(parents, "train"),
            "test_data": features_file(own, "test"),
            "parent_test_data": features_file(parents, "test"),
        }

    def labeller(self, task: str, domain: str) -> str:
        """Return the network that labels a domain's images: one's own, or the one that learns from its annotations."""
        own = self.has_labeller(task, domain)
        return given_network(task, domain) if own else label_network(task, domain)

    def zero_shot_networks(self, task: str, child: str) -> Files:
        """Return the networks that are tested on the domain of `child`, by METHOD[/SETTING].

        Where that domain has no labels of the task, the two that label its images: the parent's, and the child's own.
        """
        found: Files = {"source-only": self.labeller(task, self.domain_of(self.compared_with(child)))}
        if not self.is_tested(task, child):
            return found | {method_of(self.zero_shot.methods[0]).row: self.predicting_network(task, child)}
        return found | self._transferred(task, child) | {"oracle": label_network(task, self.domain_of(child))}

    def _transferred(self, task: str, child: str) -> Files:
        """Return the networks that learnt from carried labels, and what bounds them, by METHOD[/SETTING]."""
        found: Files = {}
        for model in self.family(child):
            for name in self.zero_shot.methods:
                found |= self._of_seeds(task, model, method_of(name), self._end_of(model))
        for name in BOUNDS:
            found |= self._of_seeds(task, child, method_of(name))
        return found

    def zero_shot_files(self, task: str, child: str) -> Files:
        """Return the networks, codes and models of a child's table, by METHOD[/SETTING]."""
        drawing = {f"{TRANSFERRED}{self._end_of(model)}": model_file(model) for model in self.family(child)}
        return self.zero_shot_networks(task, child) | self.zero_shot_codes(child) | drawing

    def zero_shot_codes(self, child: str) -> Files:
        """Return the codes that label a child's test images backwards, by METHOD[/SETTING]; none where the run does
        not invert them."""
        if child not in self.within("inversion").children:
            return {}
        space = most_detailed(self.inversion_spaces)
        return {
            f"{BACKWARDS}{self._end_of(model)}": f"results/latents/{model}/{space}/codes.npz"
            for model in self.family(child)
        }

    def _of_seeds(self, task: str, model: str, method: Method, end: str = "") -> Files:
        """Return the networks of a method by METHOD[/SETTING]@SEED; without the seed where there is but one."""
        count = self.zero_shot.seeds
        return {
            f"{method.row}{end}{f'@{seed}' if count > 1 else ''}": transferred_network(task, model, method.name, seed)
            for seed in range(count)
        }

    def _end_of(self, model: str) -> str:
        """Return what is put behind a method's name for a control."""
        if model not in self.controls:
            return ""
        return "/".join(filter(None, (UNALIGNED_END, self.control_setting(model))))

    def classification_networks(self, child: str) -> Files:
        """Return the attribute networks that are tested on the domain of `child`, by METHOD[/SETTING]."""
        parents, own = (self.domain_of(model) for model in (self.compared_with(child), child))
        if {parents, own} <= set(self.drawn) and not self.is_annotated(child):
            return {}
        is_labelled = self.has_labeller("attributes", parents) or self.has_labels("attributes", parents)
        if not (is_labelled and self.has_labels("attributes", own)):
            return {}
        found: Files = {"source-only": self.labeller("attributes", parents)}
        return found | self._transferred("attributes", child) | {"oracle": label_network("attributes", own)}

    def classification_files(self, child: str) -> Files:
        """Return these, and the codes of the child's test images in the child and its controls."""
        found = self.classification_networks(child)
        if not self._has_codes(child):
            return found
        codes = {f"{BOUNDARY}{self._end_of(model)}": _w_plus(model) for model in self.family(child)}
        return found | codes

    def _has_codes(self, child: str) -> bool:
        """Return whether labels are carried to a child by W+ codes: of labelled images of its parent's domain."""
        return "w+" in self.inversion_spaces and bool(self.labels_of(self.domain_of(self.compared_with(child))))

    def has_shared_numbers(self, child: str) -> bool:
        """Return whether numbers are known of images of a child's domain and of its parent's, and codes are found."""
        domains = [self.domain_of(model) for model in (child, self.compared_with(child))]
        is_inverted = child in self.within("inversion").children and self._has_codes(child)
        are_known = all(self.has_labels("pose", domain) for domain in domains)
        return is_inverted and are_known and "pose" in self.zero_shot_tasks(child)

    def classification_inputs(self, child: str) -> Files:
        """Return what else they are tested with: codes of the parent, where images are inverted into W+."""
        own, parent = self.domain_of(child), self.compared_with(child)
        files = {"data": data_file(own, "test.zip"), "annotations": data_file(own, "test.annotations.npz")}
        files |= self.validation_inputs(child)
        if not self._has_codes(child):
            return files
        theirs = self.domain_of(parent)
        if self.has_labels("pose", theirs) and self.has_labels("pose", own):
            files["pose"] = self.labeller("pose", theirs)
        return files | {
            "parent": model_file(parent),
            "parent_data": data_file(theirs, "test.zip"),
            "parent_annotations": data_file(theirs, "test.annotations.npz"),
            "parent_codes": _w_plus(parent),
        }

    def ranked(self) -> list[str]:
        """Return the children whose test images a figure shows in the order of what their parents know."""
        if "w+" not in self.inversion_spaces:
            return []
        inverted = self.within("inversion", needs_images=True).children
        labelled = self.within("zero_shot", needs_images=True).children
        return [child for child in inverted if child in labelled and self.ranking_networks(child)]

    def ranking_networks(self, child: str) -> Files:
        """Return the networks of the domain of a child's parent that see numbers and attributes, by task."""
        domain, tasks = self.domain_of(self.compared_with(child)), ("pose", "attributes")
        known = [task for task in tasks if self.has_labeller(task, domain) or self.has_labels(task, domain)]
        return {task: self.labeller(task, domain) for task in known}

    def ranking_codes(self, child: str) -> Files:
        """Return the W+ codes of the test images of a child's domain in the child and its controls."""
        return {model: _w_plus(model) for model in self.family(child)}

    def validation_inputs(self, child: str) -> Files:
        """Return the images and annotations that a method is chosen on; none of a domain without such a split."""
        domain = self.domain_of(child)
        if domain not in self.validated:
            return {}
        return {"val_data": data_file(domain, "val.zip"), "val_annotations": data_file(domain, "val.annotations.npz")}

    def predicted(self) -> list[str]:
        """Return the folders of predictions: of each task and child whose domain has no labels to test with."""
        children = self.within("zero_shot").children
        tasks = [(task, child) for child in children for task in self.zero_shot_tasks(child)]
        return [predictions(task, child) for task, child in tasks if not self.is_tested(task, child)]

    def predicting_network(self, task: str, child: str) -> str:
        """Return the network that labels such a child's pictures: of the first method that the run asks for.

        Of several methods none could be told to be the best: the others are not trained.
        """
        return untested_network(task, child)

    def labels_of_test(self, child: str) -> Files:
        """Return the annotations of the test images of a child's domain, none where it has none."""
        domain = self.domain_of(child)
        return {"annotations": data_file(domain, "test.annotations.npz")} if self.labels_of(domain) else {}

    def classes_shown(self) -> list[str]:
        """Return the annotations of one's own classes that figures of labels show: each has one colour in all of them.

        Those of drawn domains have theirs by their names.
        """
        shown = [model for child in self.within("zero_shot").children for model in (self.compared_with(child), child)]
        domains = dict.fromkeys(self.domain_of(model) for model in shown)
        own = [domain for domain in domains if domain in self.labelled and self.has_labels("segmentation", domain)]
        return [data_file(domain, "test.annotations.npz") for domain in own]

    def labels_shown(self, child: str) -> list[tuple[str, str]]:
        """Return the networks whose labels a figure shows, each with its row; those of one row lie over each other."""
        return [
            (row.partition("@")[0], network)
            for task in drawn()
            if task in self.zero_shot_tasks(child)
            for row, network in self.zero_shot_networks(task, child).items()
            if row.partition("@")[2] in ("", "0")
        ]

    def coverage_inputs(self, domain: str) -> Files:
        """Return what coverage is measured with: images, annotations and label networks of a domain."""
        return {
            "data": data_file(domain, "train.zip"),
            "test_data": data_file(domain, "test.zip"),
            "annotations": data_file(domain, "test.annotations.npz"),
            "pose": label_network("pose", domain),
            "attributes": label_network("attributes", domain),
        }


def _w_plus(model: str) -> str:
    """Return the codes of the test images of a model's domain in W+."""
    return f"results/latents/{model}/w+/codes.npz"
