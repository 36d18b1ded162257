from pathlib import Path

import pytest

from fourfloor import recipe, recipes

GOOD = '[representation]\nname = "latent"\n[model]\nfamily = "flow"\n'


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_written_out_reads_back_equal(name: str, tmp_path: Path) -> None:
    plan = recipe.load(name)
    (tmp_path / "again.toml").write_text(plan.to_toml())
    assert recipe.load(tmp_path / "again.toml") == plan


def test_overrides_win(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(GOOD)
    plan = recipe.load(path, ["training.batch_size=3", "training.optimizer=muon", "model.width=64"])
    assert (plan.training.batch_size, plan.training.optimizer, plan.model.width) == (3, "muon", 64)


def test_the_title_is_the_first_comment_unless_a_table_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text("# A flow, *small*. And more.\n" + GOOD)
    assert recipe.load(path).about == recipe.About(title="A flow, *small*. And more.")
    path.write_text('# A flow\n[about]\ntitle = "It\\\\s \\"flow\\""\nseed_verdict = "a helicopter"\n' + GOOD)
    plan = recipe.load(path)
    assert plan.about == recipe.About(title='It\\s "flow"', seed_verdict="a helicopter")
    path.write_text(plan.to_toml())
    assert recipe.load(path) == plan
    path.write_text(GOOD)
    assert recipe.load(path).about == recipe.About()
    assert "about" not in recipe.load(path).to_dict()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD + "widht = 3\n", r"\[model\]: unknown key 'widht': did you mean width"),
        (GOOD + "[trainig]\n", r"unknown table 'trainig': did you mean training"),
        (GOOD + 'width = "wide"\n', r"\[model\]: width = 'wide' must be of type int"),
        (GOOD + "width = true\n", "must be of type int"),
        (GOOD + "[training]\nlearning_rate = inf\n", "finite"),
        (GOOD + '[training]\noptimizer = "sgd"\n', "not one of 'adamw', 'muon'"),
        (GOOD + "[training]\nbatch_size = 0\n", "batch_size 0 is outside 1-4096"),
        (GOOD + "heads = 0\n", "heads 0"),
        (GOOD + "[training]\nminutes = 0\n", "minutes 0.0 is outside"),
        (GOOD + "[training]\nvalidation_batches = 0\n", "validation_batches 0 is outside"),
        (GOOD + "width = 1000000000\n", "width"),
        (GOOD + "depth = -1\n", "depth"),
        ('[representation]\nname = "latent"\n[model]\nfamily = "magic"\n', "'magic' is unknown: use one of .*flow"),
        ('[representation]\nname = "../etc"\n[model]\nfamily = "flow"\n', "unknown: use one of .*latent"),
        ('[model]\nfamily = "flow"\n', r"\[representation\]: name is missing"),
        ("seed = 3\n" + GOOD, "unknown table 'seed'"),
        ("[model\n", "not valid TOML"),
        ("model = 3\n", "outside a table"),
        (GOOD + '[about]\ntitel = "x"\n', r"\[about\]: unknown key 'titel': did you mean title"),
        (GOOD + '[about]\ntitle = "two\\nlines"\n', r"\[about\]: title: give one line"),
        (GOOD + f'[about]\nseed_verdict = "{"x" * 301}"\n', "seed_verdict: give one line of at most 300"),
    ],
)
def test_a_mistake_is_named_in_one_line(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=told) as caught:
        recipe.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_or_binary_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is neither a recipe file nor the name"):
        recipe.load(tmp_path / "none.toml")
    (tmp_path / "noise.toml").write_bytes(bytes(range(128, 256)))
    with pytest.raises(ValueError, match="not UTF-8"):
        recipe.load(tmp_path / "noise.toml")
    (tmp_path / "wide.toml").write_bytes(GOOD.encode("utf-16-le"))  # without the mark that says so
    with pytest.raises(ValueError, match="not UTF-8"):
        recipe.load(tmp_path / "wide.toml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_recipes_of_any_editor_are_read(encoding: str, newline: str, tmp_path: Path) -> None:
    text = "# Techno für zwei Kerne\n" + GOOD
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    (tmp_path / "mine.toml").write_bytes((mark + text.replace("\n", newline)).encode(encoding))
    plan = recipe.load(tmp_path / "mine.toml")
    assert plan.about.title == "Techno für zwei Kerne"
    (tmp_path / "plain.toml").write_text(text, encoding="utf-8")
    assert plan == recipe.load(tmp_path / "plain.toml")


def test_the_recipes_of_the_package_are_found_by_name_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert {"adapt", "prior", "seed/helicopter"} <= set(recipes.names())
    assert recipes.find("seed/helicopter") == recipes.FOLDER / "seed" / "helicopter.toml"
    assert recipes.find("recipes/adapt.toml") == recipes.find("adapt") == recipes.FOLDER / "adapt.toml"
    (tmp_path / "prior").mkdir()  # a run's folder may have a recipe's name
    assert recipes.find("prior") == recipes.FOLDER / "prior.toml"


def test_a_file_wins_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "adapt").write_text("# mine\n" + GOOD)
    assert recipe.load("adapt").about.title == "mine"


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("adpt", "did you mean adapt?"),
        ("helicopter", "did you mean seed/helicopter?"),
        ("wavgan.toml", "did you mean wavegan"),
        ("../prior", "did you mean prior"),
        ("", "name a .toml file or one of: adapt, decoder, "),
        ("x" * 100_000, "seed/helicopter, "),
        ("a\0b", "seed/helicopter, "),
    ],
)
def test_an_unknown_name_lists_near_names_and_all(asked: str, near: str) -> None:
    with pytest.raises(ValueError, match="is neither") as caught:
        recipes.find(asked)
    assert near in str(caught.value)
    assert str(caught.value).endswith("wavegan, wavegan-long")
