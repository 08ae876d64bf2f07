// What a header of options needs from config/: the types of fields, and names for describe() and
// validate(). Their definitions include config/fields.h.
#pragma once

#include "config/node.h"
#include "config/ordered_map.h"
#include "config/problems.h"
#include "config/secret.h"

namespace sluice::config {

template <class T>
class Fields;
template <class E>
class Choices;

}  // namespace sluice::config
