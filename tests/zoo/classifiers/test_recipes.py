from __future__ import annotations

import numpy as np

from scalegmn.zoo.classifiers import CLASSIFIER_RECIPES, TROJAN_DESIGNS, ClassifierRecipe


def test_recipes_are_named_as_they_are_found() -> None:
    assert {recipe.name for recipe in CLASSIFIER_RECIPES.values()} == set(CLASSIFIER_RECIPES)
    assert CLASSIFIER_RECIPES["modern"] == ClassifierRecipe()


def test_recipes_of_base_networks_differ_in_the_training_alone() -> None:
    adam, sgd = CLASSIFIER_RECIPES["trojan_bases"], CLASSIFIER_RECIPES["trojan_bases_sgd"]
    assert adam.designs == sgd.designs == TROJAN_DESIGNS and adam.as_layers and sgd.as_layers
    drawn = [[recipe.hyper(0, number) for number in range(20)] for recipe in (adam, sgd)]
    assert [{hyper.optimizer for hyper in own} for own in drawn] == [{"adam"}, {"sgd"}]
    assert not {hyper.w_init for hyper in drawn[0]} & {hyper.w_init for hyper in drawn[1]}
    rates = [np.array([hyper.learning_rate for hyper in own]) for own in drawn]
    assert rates[0].max() < rates[1].min()
