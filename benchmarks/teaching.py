"""Many teachers on one accelerator, and the small models that they teach.

    KERAS_BACKEND=jax python benchmarks/teaching.py PROPOSALS OUTPUT --minutes 9.2
    KERAS_BACKEND=jax python benchmarks/teaching.py PROPOSALS OUTPUT2 --minutes 4.1 \
        --begin_with OUTPUT/student1.weights.h5 OUTPUT/student2.weights.h5

PROPOSALS is what `proposals.py` wrote: the dictionary's pairs as tokens, and what a
joint n-gram model proposes for words which the dictionary lacks.

1. Teachers train on the dictionary's pairs.
2. They judge, with the n-gram model, what it proposes for the other words.
3. Students learn from all pairs. Of what they are to say of a token, half is the
   teachers' distribution; half is the dictionary's token, or, of the other words, how
   probable it is by all that was judged.

With `--begin_with`, earlier students are the teachers, and the new ones begin as them.
The learning rate falls to nothing at the end of the minutes, whatever the machine.

OUTPUT gets the three students with the fewest wrong validation words,
`student1.weights.h5` first, and `teaching.json` with the error rates of all, by greedy
search. No test word is read. Needs neither TensorFlow nor MLflow.
"""

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import jax
import keras
import numpy as np
from ensemble import Ensemble, Judges, Kind, Pairs
from jax import numpy as jnp

from kerazoo.zoo.seq2seq.tokens import END, PAD

TEACHERS = (
    Kind(4, 0, {"num_layers": 4, "hidden": 1024, "dropout": 0.3}, 2048),
    Kind(4, 10, {"hidden": 1024, "dropout": 0.2, "positions": "rotary"}, 2048),
)
STUDENTS = Kind(4, 20, {}, 4096)
FINER_RATE = 6e-4  # of students that begin with weights
UNTIL = {"teachers": (0.31, 0.49), "judging": 0.61, "students": 0.93}  # of the minutes
SOFT = 0.5  # share of a student's target that is the teachers' distribution
REAL = 2  # times that a student's pass over the words takes those of the dictionary
JOINT_WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0)  # of the n-gram model; validation picks
MOST_UNLIKELY = 5.0  # nats below the n-gram model's best that are still judged
PART = 20_000  # words that are judged before the clock is looked at
BEST = 3  # students that are kept


class Lesson:
    """The words, the clock, and what was measured."""

    def __init__(self, proposals: Path, minutes: float):
        self.start, self.minutes = time.monotonic(), minutes
        with np.load(proposals) as read:
            self.data = {name: read[name] for name in read.files}
        self.sizes = tuple(map(int, self.data["sizes"]))
        self.words = self.data["new_source"]
        self.references = [set() for _ in self.data["validation_source"]]
        flat = zip(self.data["reference_word"], self.data["reference"], strict=True)
        for word, row in flat:
            self.references[word].add(tokens(row))
        device = jax.devices()[0].device_kind
        self.scores = {"device": device, "jax": jax.__version__}
        self.report(f"{len(self.words):,} words beside the dictionary's, {device}")

    def left(self, share: float) -> float:
        """Return the seconds until a share of the minutes has passed, or few."""
        passed = time.monotonic() - self.start
        return max(share * self.minutes * 60 - passed, 5.0)

    def report(self, text: str) -> None:
        """Print a line with the time."""
        passed = (time.monotonic() - self.start) / 60
        print(f"{passed:5.2f} min  {text}", flush=True)

    def proposals(self, split: str) -> dict[str, np.ndarray]:
        """Return all proposals for a split's words: word, target and value of each."""
        names = ("word", "target", "value")
        return {name: self.data[f"{split}_proposal_{name}"] for name in names}

    def wrong(self, answers: np.ndarray) -> float:
        """Return the share of validation words whose answer is no reference."""
        pairs = zip(answers, self.references, strict=True)
        return float(np.mean([tokens(answer) not in known for answer, known in pairs]))

    def measure(self, name: str, judges: Judges) -> None:
        """Note how many words such judges answer wrong."""
        self.scores[name] = self.wrong(judges.answer(self.data["validation_source"]))
        self.report(f"{name}: {self.scores[name]:.2%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("proposals", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--minutes", type=float, default=9.2)
    parser.add_argument("--begin_with", type=Path, nargs="*", default=[])
    chosen = parser.parse_args()
    if keras.backend.backend() != "jax":
        parser.error("models train side by side on JAX alone: set KERAS_BACKEND=jax")
    chosen.output.mkdir(parents=True, exist_ok=True)
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    lesson, again = Lesson(chosen.proposals, chosen.minutes), chosen.begin_with

    kind = replace(STUDENTS, learning_rate=FINER_RATE) if again else STUDENTS
    students = Ensemble(kind, lesson.sizes)
    kinds = (replace(STUDENTS, count=len(again)),) if again else TEACHERS
    teachers = [Ensemble(kind, lesson.sizes) for kind in kinds]
    compiling = ThreadPoolExecutor(1)  # beside the training
    if again:
        teachers[0].load(again)
        students.load([again[n % len(again)] for n in range(kind.count)])
        steps = compiling.submit(students.compile, shapes(lesson))
    else:
        pairs = Pairs(lesson.data["train_source"], lesson.data["train_target"])
        waiting = [compiling.submit(t.compile, pairs.arrays) for t in teachers]
        steps = compiling.submit(students.compile, shapes(lesson))
        train_teachers(lesson, teachers, waiting, pairs)
    judges = Judges(teachers)
    lesson.measure("all teachers together", judges)

    pairs = soft_pairs(lesson, judges, judge_words(lesson, judges))
    compiled, seconds = steps.result(), lesson.left(UNTIL["students"])
    lesson.scores["students, passes"] = students.train(
        compiled, pairs, seconds, lesson.report
    )
    for rank, student in enumerate(best_students(lesson, students, len(again)), 1):
        student.save(chosen.output / f"student{rank}.weights.h5")
    lesson.scores["minutes"] = (time.monotonic() - lesson.start) / 60
    scores = json.dumps(lesson.scores, indent=2) + "\n"
    (chosen.output / "teaching.json").write_text(scores, "utf-8")
    lesson.report("done")


def shapes(lesson: Lesson) -> dict:
    """Return the shapes of a student's pairs, if all words get an answer."""
    count = len(lesson.data["train_source"]) + len(lesson.words)
    rows = (count, lesson.words.shape[1])
    arrays = {
        name: jax.ShapeDtypeStruct(rows, "uint8") for name in ("source", "target")
    }
    return arrays | {
        "wanted": jax.ShapeDtypeStruct((*rows, lesson.sizes[1]), "bfloat16")
    }


def train_teachers(lesson: Lesson, teachers: list, waiting: list, pairs: Pairs) -> None:
    """Train one kind after the other, and measure each."""
    given = zip(teachers, waiting, UNTIL["teachers"], strict=True)
    for number, (teacher, steps, until) in enumerate(given, 1):
        compiled, name = steps.result(), f"teachers {number}"
        lesson.report(f"{name} begin")
        seconds = lesson.left(until)
        passes = teacher.train(compiled, pairs, seconds, lesson.report)
        lesson.scores[f"{name}, passes"] = passes
        lesson.measure(f"{name}, one", Judges([teacher.part([0])]))
        lesson.measure(f"{name}, together", Judges([teacher]))


def judge_words(lesson: Lesson, judges: Judges) -> dict[str, np.ndarray]:
    """Return the proposals for the new words, as far as time allows, with a value.

    It is the teachers' log-probability and so much of the n-gram model's as was best
    for the validation words.
    """

    def values(found, source, weight):
        said = judges.log_probabilities(source[found["word"]], found["target"])
        return said + weight * found["value"]

    asked, found = lesson.data["validation_source"], lesson.proposals("validation")
    rates = {}
    for weight in JOINT_WEIGHTS:
        places = best_of(values(found, asked, weight), found["word"])
        answers = np.full_like(asked, PAD)
        answers[found["word"][places]] = found["target"][places]
        rates[weight] = lesson.wrong(answers)
    lesson.scores["teachers with the n-gram model, by its weight"] = rates
    lesson.report(f"with the n-gram model: {rates}")

    weight, kept = min(rates, key=rates.get), []
    found = lesson.proposals("new")
    found = {k: v[found["value"] > -MOST_UNLIKELY] for k, v in found.items()}
    for first in range(0, len(lesson.words), PART):
        if first and lesson.left(UNTIL["judging"]) <= 5:
            break
        part = slice(*np.searchsorted(found["word"], (first, first + PART)))
        few = {name: rows[part] for name, rows in found.items()}
        kept.append({**few, "value": values(few, lesson.words, weight)})
    return {k: np.concatenate([few[k] for few in kept]) for k in kept[0]}


def best_of(values: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Return the place of the best proposal of each word."""
    order = np.lexsort((-values, words))
    return order[np.unique(words[order], return_index=True)[1]]


def soft_pairs(lesson: Lesson, judges: Judges, judged: dict) -> Pairs:
    """Return the dictionary's pairs and the judged ones, with soft targets."""
    places = best_of(judged["value"], judged["word"])
    words, targets = judged["word"][places], judged["target"][places]
    lesson.scores["words"] = len(words)
    lesson.report(f"{len(words):,} words have an answer")
    known = len(lesson.data["train_source"])
    rest = np.full((len(lesson.words) - len(words), targets.shape[1]), PAD, "uint8")
    own = (lesson.data["train_target"], targets, rest)
    source = np.concatenate([lesson.data["train_source"], lesson.words[words], rest])
    target = np.concatenate(own)
    wanted = SOFT * judges.soft(source, target)
    hard = jax.nn.one_hot(own[0], lesson.sizes[1], dtype=wanted.dtype)
    wanted = wanted.at[:known].add((1 - SOFT) * hard)
    probable = posteriors(judged, targets, lesson.sizes[1]).astype(wanted.dtype)
    wanted = wanted.at[known : known + len(words)].add((1 - SOFT) * probable)
    repeat = np.repeat([REAL, 1, 0], [known, len(words), len(rest)])
    return Pairs(source, target, wanted, repeat)


def posteriors(judged: dict, targets: np.ndarray, vocabulary: int) -> jax.Array:
    """Return how probable every token of a word's best answer is, by all proposals.

    Those count that begin as the answer does.

    Shapes:
        output: float32 (words, length, vocabulary).
    """
    _, of_word = np.unique(judged["word"], return_inverse=True)
    begins = np.cumprod(judged["target"] == targets[of_word], axis=1)
    begins = np.pad(begins[:, :-1], ((0, 0), (1, 0)), constant_values=1)
    best = np.full(len(targets), -np.inf)
    np.maximum.at(best, of_word, judged["value"])
    shares = np.exp(judged["value"] - best[of_word])[:, None] * begins
    total = jnp.zeros((*targets.shape, vocabulary), "float32")
    length = np.arange(targets.shape[1])[None]
    total = total.at[of_word[:, None], length, judged["target"]].add(shares)
    return total / jnp.sum(total, -1, keepdims=True)


def best_students(lesson: Lesson, students: Ensemble, begun: int) -> list[Ensemble]:
    """Return those with the fewest wrong words; `begun` is of how many they came.

    Students that began as one are also tried as one again, the mean of their weights.
    """
    choices = [[n] for n in range(students.kind.count)]
    same = [list(range(n, students.kind.count, begun)) for n in range(begun)]
    choices += [members for members in same if len(members) > 1]
    found, alone = [], Judges([])  # one that is compiled once
    for members in choices:
        student = students.part(members).mean()
        alone.ensembles = [student]
        wrong = lesson.wrong(alone.answer(lesson.data["validation_source"]))
        found.append((wrong, str(members), student))
    found.sort(key=lambda student: student[:2])
    lesson.scores["students"] = {members: wrong for wrong, members, _ in found}
    lesson.report(f"students: {lesson.scores['students']}")
    return [student for *_, student in found[:BEST]]


def tokens(row: np.ndarray) -> tuple[int, ...]:
    """Return what comes before the end."""
    row = [int(token) for token in row]
    return tuple(row[: row.index(END)] if END in row else row)


if __name__ == "__main__":
    main()
