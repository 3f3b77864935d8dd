#pragma once

#include <string>

namespace custody::cli {

/// Lets graphviz' `dot` draw the text as SVG to stdout. @throws Error where it is not installed or fails
void draw_svg(const std::string& dot_text);

}  // namespace custody::cli
