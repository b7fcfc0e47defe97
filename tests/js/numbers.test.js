import assert from "node:assert/strict";
import { test } from "node:test";
import { number as scoreText } from "../../demo/lab/components/k_curves/k_curves.js";
import { aligned } from "../../demo/lectures/board/board.js";
import { amount, outputOf } from "../../demo/playgrounds/board/amounts.js";
import { clamped, nameOf, number, parsed, percent, rangeOf, short } from "../../demo/shared/js/numbers.js";
import { digits } from "../../demo/shared/components/player/digits.js";

test("three digits, a true minus sign, powers of ten at the ends", () => {
  const told = { 0: "0", 1: "1.00", "-0.5": "−0.500", 123.456: "123", "0.00012": "0.000120", "0.00009": "9.0e−5", 12345: "1.2e+4" };
  for (const [value, text] of Object.entries(told)) assert.equal(number(Number(value)), text);
});

test("short numbers have no zeros at the end, and what is not known is a dash", () => {
  assert.deepEqual([0.5, -2, 1234567, 0.1 + 0.2].map((value) => short(value)), ["0.5", "−2", "1230000", "0.3"]);
  assert.deepEqual([short(null), short(undefined), short(0)], ["–", "–", "0"]);
  assert.equal(short(1234.5, 4), "1235");
});

test("percentages: one digit below ten", () => {
  assert.deepEqual([0, 0.0004, 0.0007, 0.004, 0.0949, 0.095, 0.5, 1, 0.125, 0.625].map(percent), ["0 %", "< 0.1 %", "0.1 %", "0.4 %", "9.5 %", "10 %", "50 %", "100 %", "13 %", "63 %"]);
});

test("what a person writes is a number, or none", () => {
  const told = { "−1.5": -1.5, "1,5": 1.5, "1/4": 0.25, " 3 / 8 ": 0.375, "-1/2": -0.5, "2e3": 2000 };
  for (const [text, value] of Object.entries(told)) assert.equal(parsed(text), value);
  for (const text of ["", " ", "a", "1/0", "1/", "1.2.3", "--1"]) assert.ok(Number.isNaN(parsed(text)), text);
});

test("a number that is written is read as itself", () => {
  for (const value of [0, -3, 0.25, 1e-3, 123.4, -0.125]) {
    assert.equal(parsed(short(value, 6)), value);
    assert.equal(parsed(amount(value, 6)), value);
  }
});

test("eigenvectors have their number below the line", () => {
  assert.deepEqual([1, 9, 10, 207].map(nameOf), ["v₁", "v₉", "v₁₀", "v₂₀₇"]);
});

test("a range holds all values; a diverging one has 0 in its middle", () => {
  const values = [0.5, -2, 1, 0];
  assert.deepEqual(rangeOf(values), [-2, 1]);
  assert.deepEqual(rangeOf(values, "sequential"), [-2, 1]);
  assert.deepEqual(rangeOf(values, "diverging"), [-2, 2]);
  assert.deepEqual(rangeOf(Float32Array.of(1, 3), "diverging"), [-3, 3]);
});

test("what is clamped lies between", () => {
  assert.deepEqual([-1, 0, 0.4, 1, 7, Infinity].map((value) => clamped(value, 0, 1)), [0, 0, 0.4, 1, 1, 1]);
});

test("amounts of a playground: whole numbers whole, others with four digits", () => {
  assert.deepEqual([3, -3, 1 / 3, 12345.678, 0.00001234, 0].map((value) => amount(value)), ["3", "−3", "0.3333", "12350", "1e−5", "0"]);
  assert.equal(amount(2 / 3, 2), "0.67");
});

test("an output is a cell, or its row", () => {
  assert.equal(outputOf({ points: "cell" }, 2, 1, 5), 11);
  assert.equal(outputOf({ points: "row" }, 2, 1, 5), 2);
});

test("scores of the choice of K", () => {
  assert.deepEqual([0.12345, -2, 0, 15_600, 0.00012].map((value) => scoreText(value)), ["0.123", "−2", "0", "15.6K", "1.2e−4"]);
});

test("numbers of a step are those of Python's .4g", () => {
  // f"{value:.4g}" of each
  const python = {
    "3.14159": "3.142", 2: "2", 1234: "1234", 1234.4: "1234", "0.1": "0.1", "0.00012345": "0.0001234", 9999.4: "9999", "-0.5": "−0.5",
  };
  for (const [value, text] of Object.entries(python)) assert.equal(digits(Number(value)), text, value);
  assert.equal(digits(123456), "1.235·10<sup>5</sup>");
  assert.equal(digits(-1.5e-7), "−1.5·10<sup>−7</sup>");
  assert.deepEqual([null, undefined, NaN, Infinity, 0].map(digits), ["–", "–", "–", "–", "0"]);
});

test("numbers of a column keep their decimals, and their points stand below each other", () => {
  assert.deepEqual([47, 31.48, 38.8].map((value) => aligned(value, 2)), ["47.0\u2007", "31.48", "38.8\u2007"]);
  assert.equal(aligned(2021, 0), "2021");
  assert.equal(aligned("43.2 ± 2.19", 1), "43.2 ± 2.19");
});
