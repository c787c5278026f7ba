"""One training step of StyleGAN2: losses, lazy regularisers, augmentation, optimisers and averaging.

A batch may be computed in parts: several processes, and within a process one part after another. Part k of K holds
every K-th image from the k-th. Sums over the parts, and random numbers drawn for the whole batch, make the result that
of one large batch up to the order of float sums. The groups of the minibatch standard deviation lie inside a part; as
the layer groups images at equal distances, they are the groups of the whole batch where a part holds whole groups. A
part smaller than a group is a group of its own: that is another layer than in one large batch.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from stylealign.config import TrainSettings
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.encoder import Encoder
from stylealign.networks.generator import Generator
from stylealign.ops.parameter_gradients import without_parameter_gradients
from stylealign.training.ada import AdaptiveStrength
from stylealign.training.augment import Augmentation
from stylealign.training.blur import blur, blur_px_at
from stylealign.training.draws import Draws
from stylealign.training.ema import ema_beta, update_average
from stylealign.training.graphs import Graphs, Kind, reason_against, wanted_graphs
from stylealign.training.inputs import RandomInputs
from stylealign.training.judging import AnyDiscriminator, Judges, projected_of, stylegan2_of
from stylealign.training.keep.keeper import Keeper, wanted
from stylealign.training.keep.patches import PatchHead, Verdict, in_half
from stylealign.training.keep.views import view
from stylealign.training.keep.weights import WeightPull
from stylealign.training.losses import moved_path_length, path_length_penalty, path_lengths, r1_penalty
from stylealign.training.moving import Mover
from stylealign.training.optimisers import (
    lazy_adam,
    rated,
    require_gradients,
    share_untrained,
    trained_of_discriminator,
    trained_of_generator,
)
from stylealign.training.parts import Sums, check_parts
from stylealign.training.recordable import RecordableStep
from stylealign.training.workers import Workers

Fake = tuple[Tensor, Verdict | None, Tensor]
"""Generated images `[N, 3, H, W]` without a graph, D's verdict of them with its graph where it was kept, and which of
them D sees whole where it sees patches too."""


class TrainingStep:
    """Networks, optimisers and running means; `step` moves them by one batch.

    Every random number of a step comes from torch's global generators, which the caller seeds per step.

    Args:
        generator, average, discriminator: networks.
        settings: how to train.
        workers: the processes of the run.
        encoder: reads a w from an image of the parent; for `keep.code`.

    Raises:
        StyleAlignError: settings that do not fit the networks or the processes.
    """

    def __init__(
        self,
        generator: Generator,
        average: Generator,
        discriminator: AnyDiscriminator,
        settings: TrainSettings,
        workers: Workers | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        self.generator, self.average, self.discriminator = generator, average, discriminator
        self.settings, self.workers = settings, workers or Workers()
        self.parts = settings.accumulate * self.workers.count
        s = settings
        trained = trained_of_generator(generator, s)
        self._moves_w = share_untrained(generator, average, trained)
        self.generator_parameters = [parameter for parameter, _ in trained.values()]
        self.patch_head: PatchHead | None = None
        own, projected = stylegan2_of(discriminator), projected_of(discriminator)
        in_groups = own is not None or s.keep.distances.weight > 0
        check_parts(s, self.workers.count, generator.architecture.mbstd_group_size if in_groups else 1)
        trained_d = {} if own is None else trained_of_discriminator(own, s)
        of_parent = [parameter for parameter, _ in trained_d.values()]  # new heads have no parent to stay near
        if own is not None and s.keep.patches.weight:
            self.patch_head = PatchHead(own.architecture, s.keep.patches, s.seed).to(average.mapping.w_avg)
            trained_d |= {f"patches.{name}": value for name, value in rated(self.patch_head).items()}
        if projected is not None:
            trained_d |= {f"projected.{name}": value for name, value in rated(projected).items()}
        self.discriminator_parameters = [parameter for parameter, _ in trained_d.values()]
        self._judges = Judges(discriminator, self.patch_head, s.keep.patches)
        self.generator_adam = lazy_adam(trained, s.learning_rate, s.path_length_interval, s.path_length_weight > 0)
        self.discriminator_adam = lazy_adam(trained_d, s.learning_rate, s.r1_interval, s.penalises)
        # What the averaged generator and D are now, before a saved state replaces it, is the parent.
        self.keeper = Keeper(average, s.keep, encoder)
        held, held_d = s.keep.weights, s.keep.weights.of_discriminator()
        parent = [average.get_parameter(name) for name in trained]
        pull = WeightPull("keep_weights_g", held, self.generator_parameters, parent)
        pull_d = WeightPull("keep_weights_d", held_d, of_parent, of_parent)
        self.mean_path_length = torch.zeros((), device=generator.mapping.w_avg.device)
        self.ada = AdaptiveStrength(s.ada_target, s.ada_interval, s.ada_kimg) if s.augment != "none" else None
        self.random = RandomInputs(generator, s, self.ada)
        self._blur_px = self._kimg = 0.0
        cuts = generator.architecture.fp16_resolutions > 0 and self.mean_path_length.is_cuda
        self._move_g = Mover(self.generator_adam, self.generator_parameters, pull, self.workers, cuts)
        self._move_d = Mover(self.discriminator_adam, self.discriminator_parameters, pull_d, self.workers, cuts)
        self.graphs: Graphs | None = None
        if wanted_graphs(reason_against(s.keep, s.blur_px, self.parts, self.mean_path_length.is_cuda)):
            self.graphs = Graphs(RecordableStep(self))

    @property
    def own_discriminator(self) -> Discriminator | None:
        """The discriminator that belongs to the model's file; a projected one does not."""
        return stylegan2_of(self.discriminator)

    def step(self, index: int, real: Tensor, measure: bool = False) -> dict[str, Tensor]:
        """Train on one batch.

        Args:
            index: number of the step, from 0: decides on the lazy regularisers and the averaging.
            real: `[N, 3, H, W]` float32 in [-1, 1], the whole batch in every process.
            measure: return gradient norms too.

        Returns:
            Scalars by name, detached, over the whole batch: the losses and, where they were computed, the penalties.
        """
        s = self.settings
        self._blur_px = blur_px_at(index * len(real), s.blur_px, s.blur_kimg)
        self._kimg = index * len(real) / 1000
        lengths = s.path_length_weight > 0 and index % s.path_length_interval == 0
        kind = Kind(lengths, s.penalises and index % s.r1_interval == 0, self.random.augments)
        scalars = self.move(kind, real, measure) if self.graphs is None or measure else self.graphs.move(kind, real)
        scalars |= self._adapt(scalars, len(real))  # behind everything that is transformed, also where it is recorded
        beta = ema_beta(len(real), s.ema_kimg, index * len(real), s.ema_rampup)
        update_average(self.average, self.generator, beta)
        return scalars

    def move(self, kind: Kind, real: Tensor, measure: bool = False) -> dict[str, Tensor]:
        """Take a step of one kind, all but ADA's adjustment and the averaging."""
        self._judges.begin()
        move_generator, fakes = self._train_generator(len(real), measure)
        # D's step needs no more of G than its images: the sums of G's gradients over the processes can take that long.
        overlaps = self.workers.count > 1 and not kind.lengths
        scalars = {} if overlaps else move_generator()
        if kind.lengths:
            scalars |= self._regularise_generator(self.lengths_batch(len(real)))
        scalars |= self._train_discriminator(real, fakes, measure)
        scalars |= move_generator() if overlaps else {}
        if kind.penalty:
            scalars |= self._regularise_discriminator(real)
        return scalars

    def lengths_batch(self, batch: int) -> int:
        """Return the images of a path-length penalty beside a batch."""
        return max(batch // self.settings.path_length_batch_shrink, 1)

    def _adapt(self, scalars: dict[str, Tensor], batch: int) -> dict[str, Tensor]:
        """Tell ADA of the logits on real images, which are taken from `scalars`; return its own scalars."""
        sign = scalars.pop("sign_real")
        if self.ada is None:
            return {}
        self.ada.update(sign, batch)
        return {"ada_p": torch.tensor(self.ada.p), "ada_overfitting": torch.tensor(self.ada.overfitting)}

    def _train_generator(self, batch: int, measure: bool) -> tuple[Callable[[], dict[str, Tensor]], list[Fake]]:
        """Compute G's gradients; return what moves it and returns its loss, and, for the discriminator step, the images
        and logits of every part."""
        draws = self.random.draws(batch)
        augmentation = self.random.augmentation(batch)
        own = list(self._own_parts(batch))
        # D does not move before it sees the same images again: without transforms, its logits stay. Several parts
        # would have to be kept in memory together.
        keeps = augmentation is None and len(own) == 1
        require_gradients(self.discriminator_parameters, keeps)
        sums, fakes = Sums(), []
        active = self.keeper.active(self._kimg)
        for part, share in own:
            drawn = draws.part(part, self.parts)
            shown = view(self.generator, drawn, wanted(active))
            fake = shown.image.detach().requires_grad_(True)
            verdict, half = self._judge(fake, augmentation, part), in_half(drawn.z)
            loss = self._judges.generator_loss(verdict, half, self._kimg) * share
            with without_parameter_gradients():
                (gradient,) = torch.autograd.grad(loss, fake, retain_graph=keeps)
            sums.add(loss_g=loss.detach(), w=shown.w.mean(dim=0) * share)
            roots, gradients = [shown.image], [gradient]
            for name, kept in self.keeper.losses(shown, drawn, active).items():
                roots.append(kept)
                gradients.append(torch.full_like(kept, active[name][1] * share))
                sums.add(**{f"keep_{name}": kept.detach() * share})
            torch.autograd.backward(roots, gradients)
            fakes.append((fake.detach(), verdict if keeps else None, half))
        move = self._move_g.begin(sums, measure, pull_at_kimg=self._kimg)

        def finish() -> dict[str, Tensor]:
            norm = move()
            self._track_w(sums.values.pop("w"))
            return sums.values | ({"gradient_norm_g": norm} if norm is not None else {})

        return finish, fakes

    def _regularise_generator(self, batch: int) -> dict[str, Tensor]:
        s = self.settings
        draws = self.random.draws(batch, direction=True)
        own = list(self._own_parts(batch))
        sums = Sums()
        # The penalty needs the mean over all parts first. A single part keeps its graph; several are computed again.
        kept: list[Tensor] = []
        for part, share in own:
            lengths, w = self._path_lengths(draws.part(part, self.parts))
            sums.add(length=lengths.detach().mean() * share, w=w.mean(dim=0) * share)
            kept = [lengths] if len(own) == 1 else []
            del lengths
        self.workers.sum_([sums.values["length"], sums.values["w"]])
        self.mean_path_length.copy_(moved_path_length(self.mean_path_length, sums.values["length"]))
        self._track_w(sums.values["w"])
        sums = Sums()
        for part, share in own:
            lengths = kept[0] if kept else self._path_lengths(draws.part(part, self.parts))[0]
            penalty = path_length_penalty(lengths, self.mean_path_length)
            (penalty * s.path_length_weight * s.path_length_interval * share).backward()
            sums.add(path_length_penalty=penalty.detach() * share)
        self._move_g.move(sums)
        return sums.values | {"path_length": self.mean_path_length.clone()}

    def _path_lengths(self, draws: Draws) -> tuple[Tensor, Tensor]:
        images, ws, w = draws.synthesize(self.generator)
        return path_lengths(images, ws, draws.direction), w

    def _train_discriminator(self, real: Tensor, fakes: list[Fake], measure: bool) -> dict[str, Tensor]:
        require_gradients(self.discriminator_parameters, True)
        of_real, of_fake = self.random.augmentation(len(real)), self.random.augmentation(len(real))
        sums = Sums()
        for (part, share), (fake, of_fakes, half) in zip(self._own_parts(len(real)), fakes, strict=True):
            of_reals = self._judge(real[part :: self.parts], of_real, part)
            if of_fakes is None or of_fake is not None:
                of_fakes = self._judge(fake, of_fake, part)
            loss = self._judges.discriminator_loss(of_reals, of_fakes, half, self._kimg) * share
            loss.backward()
            real_logits, fake_logits = of_reals.whole.detach(), of_fakes.whole.detach()
            sums.add(
                loss_d=loss.detach(),
                logit_real=real_logits.mean() * share,
                logit_fake=fake_logits.mean() * share,
                sign_real=real_logits.sign().mean() * share,
            )
        norm = self._move_d.move(sums, measure, pull_at_kimg=self._kimg)
        return sums.values | ({"gradient_norm_d": norm} if norm is not None else {})

    def _regularise_discriminator(self, real: Tensor) -> dict[str, Tensor]:
        augmentation = self.random.augmentation(len(real))
        sums = Sums()
        for part, share in self._own_parts(len(real)):
            images = real[part :: self.parts].clone().requires_grad_(True)
            logits = self._judges.logits(self._seen(images, augmentation, part), self._kimg)
            penalty = r1_penalty(logits, images)
            (penalty * (self.settings.r1_gamma / 2) * self.settings.r1_interval * share).backward()
            sums.add(r1_penalty=penalty.detach() * share)
        self._move_d.move(sums)
        return sums.values

    def _track_w(self, w: Tensor) -> None:
        """Move the mean w, where the mapping network moves."""
        if self._moves_w:
            self.generator.mapping.track_mean(w[None])

    def _own_parts(self, batch: int) -> Iterator[tuple[int, float]]:
        """Yield index and share of the batch of every part that this process computes."""
        for part in range(self.workers.rank, self.parts, self.workers.count):
            count = len(range(part, batch, self.parts))
            if count:
                yield part, count / batch

    def _judge(self, images: Tensor, augmentation: Augmentation | None, part: int) -> Verdict:
        return self._judges.verdict(self._seen(images, augmentation, part), self._kimg)

    def _seen(self, images: Tensor, augmentation: Augmentation | None, part: int) -> Tensor:
        """Return images as the discriminators see them."""
        if augmentation is not None:
            images = augmentation.part(part, self.parts)(images)
        return blur(images, self._blur_px)

    def state(self) -> dict[str, Any]:
        """Return everything a resumed run needs, besides the step index."""
        state = {
            "G": self.generator.state_dict(),
            "G_ema": self.average.state_dict(),
            "D": self.discriminator.state_dict(),
            "adam_G": self.generator_adam.state_dict(),
            "adam_D": self.discriminator_adam.state_dict(),
            "mean_path_length": self.mean_path_length,
        }
        if self.patch_head is not None:
            state["D_patches"] = self.patch_head.state_dict()
        return state if self.ada is None else state | {"ada": self.ada.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        self.generator.load_state_dict(state["G"])
        self.average.load_state_dict(state["G_ema"])
        self.discriminator.load_state_dict(state["D"])
        if self.patch_head is not None:
            self.patch_head.load_state_dict(state["D_patches"])
        for adam, name in ((self.generator_adam, "adam_G"), (self.discriminator_adam, "adam_D")):
            saved = copy.deepcopy(state[name])
            # A state from before says otherwise, and PyTorch would leave its steps on the CPU.
            for group in saved["param_groups"]:
                group["fused"] = True
            adam.load_state_dict(saved)
        self.mean_path_length.copy_(state["mean_path_length"])
        if self.ada is not None:
            self.ada.load(state["ada"])
