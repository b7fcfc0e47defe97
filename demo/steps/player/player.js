import { curveView } from "../../shared/components/player/curve.js";
import { play } from "../../shared/components/player/player.js";
import { mapView } from "./map.js";
import { matrixView } from "./matrix.js";
import { scatterView } from "./scatter.js";
import { treeView } from "./tree.js";

export function mount(given) {
  play(given, { curve: curveView, map: mapView, matrix: matrixView, scatter: scatterView, tree: treeView });
}
