"""Published effects of sharing and shrinking token tables."""

from __future__ import annotations

from shareviz.effects._base import Effect, Finds, words

EFFECTS = (
    Effect(
        "press-wolf",
        "token table and head",
        Finds.BETTER,
        "large LSTM",
        "Penn Treebank language modelling",
        "66 M to 51 M",
        "Test perplexity 78.4 to 74.3.",
        "Press and Wolf 2017, arXiv 1608.05859",
        words("tied tables"),
    ),
    Effect(
        "mobile-llm-tied",
        "token table and head",
        Finds.EQUAL,
        "MobileLLM",
        "average of zero-shot tasks",
        "16 M, or 11.8 %, fewer",
        "0.2 points lower, regained by more layers.",
        "Liu et al. 2024, arXiv 2402.14905",
        words("tied tables, writes text"),
    ),
    Effect(
        "tied-scale",
        "token table and head",
        Finds.WORSE,
        "language models",
        "language modelling",
        "at scale",
        "The tied table leans to the output side, because its gradients dominate early; early layers suffer.",
        "Lopardo et al. 2026, arXiv 2603.26663",
        words("tied tables, writes text"),
    ),
    Effect(
        "three-way",
        "three tables in one",
        Finds.EQUAL,
        "translation model, one vocabulary",
        "English to French",
        "168 M to 80 M",
        "BLEU 33.1 to 33.5.",
        "Press and Wolf 2017, arXiv 1608.05859",
        words("three tables"),
    ),
    Effect(
        "factorised-shared",
        "narrow token table",
        Finds.EQUAL,
        "BERT, all layers shared",
        "average of five language tasks",
        "inner width 64, 128, 256, 768",
        "79.0, 80.1, 79.6, 79.8: narrow is as good.",
        "Lan et al. 2019, arXiv 1909.11942, table 3",
        words("narrow table"),
    ),
    Effect(
        "factorised-apart",
        "narrow token table",
        Finds.WORSE,
        "BERT, layers apart",
        "average of five language tasks",
        "inner width 64, 128, 256, 768",
        "81.3, 81.7, 81.8, 82.3: wide is better.",
        "Lan et al. 2019, arXiv 1909.11942, table 3",
        words("narrow table"),
    ),
)
