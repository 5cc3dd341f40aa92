import pytest

from resonant.errors import HostUnreachable, NotReady, SshRefused
from resonant.polling import wait_for


class Answers:
    """A reader that gives these answers one after the other, and the last for ever."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self) -> object:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def wait(answers: Answers, timeout_seconds: float = 5, **options: object) -> object:
    return wait_for("the thing", answers, timeout_seconds=timeout_seconds, poll_seconds=0.01, **options)


def test_the_first_ready_value_is_returned_at_once():
    answers = Answers(3)
    assert (wait(answers), answers.asked) == (3, 1)


def test_waits_until_it_is_ready():
    assert wait(Answers(1, 2, 3), is_ready=lambda value: value == 3) == 3


def test_a_transient_error_is_not_yet():
    assert wait(Answers(HostUnreachable("booting"), 1)) == 1


def test_another_error_ends_the_wait_at_once():
    answers = Answers(SshRefused("wrong key"), 1)
    with pytest.raises(SshRefused):
        wait(answers)
    assert answers.asked == 1


def test_a_foreign_error_is_not_swallowed():
    with pytest.raises(KeyError):
        wait(Answers(KeyError("bug"), 1))


def test_the_deadline_tells_what_how_long_why_and_what_next():
    with pytest.raises(NotReady) as caught:
        wait(Answers(HostUnreachable("no route")), timeout_seconds=0.05, hint="Is it on?")
    assert str(caught.value) == "the thing was not ready after 0 s. Last answer: no route Is it on?"
    assert caught.value.waited_seconds >= 0.05


def test_a_value_that_is_ready_at_the_deadline_still_counts():
    assert wait(Answers(1), timeout_seconds=0) == 1


def test_whoever_waits_is_told_how_long():
    told: list[float] = []
    wait(Answers(0, 0, 1), on_wait=told.append)
    assert len(told) == 2 and told == sorted(told)
