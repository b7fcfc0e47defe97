"""The page: settings become controls, results become pictures; nothing is computed here."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType


class _Quick(SourceFileLoader):
    """Loads what makes Gradio's components, without the stubs for editors that it writes beside itself at every start."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module; its stubs take a fifth of the time until the page is there."""
        super().exec_module(module)
        vars(module)["create_or_modify_pyi"] = lambda *_component: None


class _QuickFinder(MetaPathFinder):
    """Hands that one module to `_Quick`; it must be there before Gradio is imported."""

    def find_spec(self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """How the module is loaded, or None for all others."""
        spec = PathFinder.find_spec(name, path) if name == "gradio.component_meta" else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Quick(spec.loader.name, spec.loader.path)
        return spec


sys.meta_path.insert(0, _QuickFinder())
