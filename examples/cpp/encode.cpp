// The code of one image by an exported network, through MXNet's C predict API.
//
//     encode NAME.manifest.json IMAGE.ppm
//
// prints the packed code in hex: the bytes that gluon_hash stores and searches. The image is a
// binary PPM (P6) whose short side is the manifest's `resize` (any size not below `crop`, if
// `resize` is 0); its center is cut out here. Every form of export is read: planes or pixels in,
// relaxed codes or packed bytes out.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <mxnet/c_predict_api.h>  // after <cstdint>, which it needs
#include <mxnet/c_api.h>

namespace {

const int kCpu = 1;

std::string read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error(path + ": cannot be read");
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// Values of the manifest, which is a flat object in the places read here; no general JSON parser.
class Manifest {
 public:
  explicit Manifest(const std::string& path) : path_(path), text_(read_file(path)) {}

  std::string text(const std::string& key, const std::string& otherwise = "") const {
    const size_t start = value(key);
    if (start == std::string::npos || text_[start] != '"') return otherwise;
    return text_.substr(start + 1, text_.find('"', start + 1) - start - 1);
  }

  std::vector<double> numbers(const std::string& key) const {
    std::vector<double> result;
    const size_t start = value(key);
    if (start == std::string::npos) throw std::runtime_error(path_ + ": has no " + key);
    if (text_[start] != '[') return {std::strtod(text_.c_str() + start, nullptr)};
    std::istringstream list(text_.substr(start + 1, text_.find(']', start) - start - 1));
    for (std::string item; std::getline(list, item, ',');) result.push_back(std::stod(item));
    return result;
  }

 private:
  size_t value(const std::string& key) const {
    const size_t start = text_.find("\n  \"" + key + "\":");  // of the outermost object
    return start == std::string::npos ? start : text_.find_first_not_of(" ", text_.find(':', start) + 1);
  }

  std::string path_, text_;
};

struct Image {
  size_t width, height;
  std::vector<uint8_t> pixels;  // red, green, blue, row by row
};

Image read_ppm(const std::string& path) {
  std::istringstream stream(read_file(path));
  std::string magic;
  size_t width = 0, height = 0, largest = 0;
  stream >> magic >> width >> height >> largest;
  if (!stream || magic != "P6" || largest != 255)
    throw std::runtime_error(path + ": expected a binary PPM (P6) with 255 for white");
  stream.get();  // the one white space before the pixels
  Image image{width, height, std::vector<uint8_t>(3 * width * height)};
  stream.read(reinterpret_cast<char*>(image.pixels.data()), image.pixels.size());
  if (!stream) throw std::runtime_error(path + ": cut short");
  return image;
}

// The center, as the network takes it: pixels as they are, or planes of mean 0 and deviation 1.
std::vector<float> input_of(const Image& image, const Manifest& manifest, bool takes_pixels) {
  const size_t crop = manifest.numbers("crop")[0], resize = manifest.numbers("resize")[0];
  const size_t short_side = std::min(image.width, image.height);
  if (short_side < crop || (resize && short_side != resize))
    throw std::runtime_error("the short side has " + std::to_string(short_side) + " pixels, expected " +
                             std::to_string(resize ? resize : crop) + "; resize the image first");
  const std::vector<double> mean = manifest.numbers("mean"), std = manifest.numbers("std");
  const size_t top = (image.height - crop) / 2, left = (image.width - crop) / 2;
  std::vector<float> input(3 * crop * crop);
  for (size_t row = 0; row < crop; ++row)
    for (size_t column = 0; column < crop; ++column)
      for (size_t color = 0; color < 3; ++color) {
        const uint8_t pixel = image.pixels[3 * ((top + row) * image.width + left + column) + color];
        if (takes_pixels)
          input[3 * (row * crop + column) + color] = pixel;
        else
          input[(color * crop + row) * crop + column] = (pixel / 255.0 - mean[color]) / std[color];
      }
  return input;
}

void call(int failed) {
  if (failed) throw std::runtime_error(MXGetLastError());
}

std::vector<uint8_t> encode(const std::string& manifest_path, const std::string& image_path) {
  const Manifest manifest(manifest_path);
  const size_t slash = manifest_path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : manifest_path.substr(0, slash + 1);
  const std::string symbol = read_file(folder + manifest.text("symbol"));
  const std::string params = read_file(folder + manifest.text("params"));
  const std::string name = manifest.text("input_name");
  const bool takes_pixels = manifest.text("input", "planes") == "pixels";
  const bool gives_bytes = manifest.text("output", "relaxed") == "packed";

  std::vector<uint32_t> shape{1};
  for (double size : manifest.numbers("input_shape"))
    if (size > 0) shape.push_back(size);
  const std::vector<float> input = input_of(read_ppm(image_path), manifest, takes_pixels);

  PredictorHandle predictor;
  const char* keys[] = {name.c_str()};
  const uint32_t bounds[] = {0, static_cast<uint32_t>(shape.size())};
  call(MXPredCreate(symbol.c_str(), params.data(), params.size(), kCpu, 0, 1, keys, bounds,
                    shape.data(), &predictor));
  call(MXPredSetInput(predictor, keys[0], input.data(), input.size()));
  call(MXPredForward(predictor));

  const size_t num_bits = manifest.numbers("num_bits")[0], num_bytes = (num_bits + 7) / 8;
  std::vector<float> output(gives_bytes ? num_bytes : num_bits);
  call(MXPredGetOutput(predictor, 0, output.data(), output.size()));
  call(MXPredFree(predictor));
  call(MXNDArrayWaitAll());  // the engine frees in its own thread, which must not outlive main

  std::vector<uint8_t> code(num_bytes);
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(output.data());  // they lie side by side
  if (gives_bytes) return std::vector<uint8_t>(bytes, bytes + num_bytes);
  for (size_t bit = 0; bit < num_bits; ++bit)
    if (output[bit] >= 0) code[bit / 8] |= 1 << bit % 8;
  return code;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: encode NAME.manifest.json IMAGE.ppm\n";
    return 2;
  }
  try {
    for (uint8_t byte : encode(arguments[1], arguments[2])) std::printf("%02x", byte);
    std::printf("\n");
  } catch (const std::exception& error) {
    std::cerr << "encode: error: " << error.what() << "\n";
    return 1;
  }
}
