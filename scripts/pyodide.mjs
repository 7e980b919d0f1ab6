// Imports the package in Pyodide, the Python of browsers, under Node: it must end with one sentence.
// The first argument is the folder of node_modules/pyodide, the second that of the package.
import { pathToFileURL } from "node:url";

const [modules, source] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${modules}/pyodide/pyodide.mjs`));
const python = await loadPyodide();
python.mountNodeFS("/source", source);
const said = await python.runPythonAsync(`
import sys
sys.path.insert(0, "/source")
sys.dont_write_bytecode = True
try:
    import lro_notebook
except BaseException as error:
    said = f"{type(error).__name__}: {error}"
else:
    said = "imported"
f"{sys.platform}, Python {sys.version.split()[0]}: {said}"
`);
console.log(said);
process.exit(said.includes("ImportError: lro_notebook does not run in Pyodide") ? 0 : 1);
