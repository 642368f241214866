"""What IBM's SDK can send: read from its own methods and models, not from a list of ours."""

import inspect
import re
import typing

from ibm_vpc import vpc_v1


class Method:
    """One call: its request's method and path, the parameters of its query, the fields of its body."""

    def __init__(self, name, method, path, query, fields):
        self.name = name
        self.method = method
        self.path = path
        self.query = query
        self.fields = fields


def keys(source, name):
    """The keys of a dictionary that a method makes."""
    found = re.search(name + r" = \{(.*?)\n        \}", source, re.S)
    return re.findall(r"'([\w.]+)':", found.group(1)) if found else []


def kinds(model):
    """A model and all that stand for it: of a prototype with choices there is a class for each."""
    found = [model]
    for _, other in inspect.getmembers(vpc_v1, inspect.isclass):
        if issubclass(other, model) and other is not model:
            found.append(other)
    return found


def named(annotation):
    """The model that an annotation names, if it is one."""
    if isinstance(annotation, str):
        return getattr(vpc_v1, annotation, None)
    if isinstance(annotation, typing.ForwardRef):
        return getattr(vpc_v1, annotation.__forward_arg__, None)
    if inspect.isclass(annotation):
        return annotation if annotation.__module__ == vpc_v1.__name__ else None
    for inner in typing.get_args(annotation):
        found = named(inner)
        if found:
            return found
    return None


def fields(model):
    """The fields of a model by name, each with the model that it is itself, if it is one. Where it is a
    list of them, the name ends with `[]`."""
    found = {}
    for kind in kinds(model):
        if "to_dict" not in kind.__dict__:
            continue
        names = re.findall(r"_dict\['([\w.]+)'\]", inspect.getsource(kind.to_dict))
        parameters = inspect.signature(kind.__init__).parameters
        for name in names:
            parameter = parameters.get(name)
            model = parameter and named(parameter.annotation)
            if model and "List[" in str(parameter.annotation):
                name += "[]"
            found[name] = model or found.get(name)
    return found


def methods():
    """Every call that there is."""
    for name, function in inspect.getmembers(vpc_v1.VpcV1, inspect.isfunction):
        source = inspect.getsource(function)
        path = re.search(r"url = '([^']*)'", source)
        if not path:
            continue
        method = re.search(r"method='(\w+)'", source).group(1)
        query = [key for key in keys(source, "params") if key not in ("version", "generation")]
        parameters = inspect.signature(function).parameters
        body = dict.fromkeys(keys(source, "data"))
        for key in list(body):
            if key in parameters:
                model = named(parameters[key].annotation)
                del body[key]
                body[key + "[]" if model and "List[" in str(parameters[key].annotation) else key] = model
        if not body:
            for key, parameter in parameters.items():
                # A patch is a dictionary: its model is named in the documentation alone.
                model = named(parameter.annotation)
                whole = re.search(rf":param (\w+) {key}:", function.__doc__ or "")
                model = model or (whole and getattr(vpc_v1, whole.group(1), None))
                if model and key not in path.group(1):
                    body = fields(model)
        yield Method(name, method, path.group(1), query, body)
