// The code of one image by an exported network, through ONNX Runtime in JavaScript.
//
//     node encode.mjs NAME.manifest.json IMAGE.ppm
//
// prints the packed code in hex: the bytes that gluon_hash stores and searches. NAME.onnx lies
// beside the manifest (`gluon-hash export RUN --out DIR/NAME --onnx`). The image is a binary PPM
// (P6) whose short side is the manifest's `resize`; its center is cut out here.
import { readFileSync } from "node:fs";
import ort from "onnxruntime-web";

function readPpm(path) {
  const file = readFileSync(path);
  const header = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(file.toString("latin1", 0, 64));
  if (!header) throw new Error(`${path}: expected a binary PPM (P6) with 255 for white`);
  const [width, height] = [Number(header[1]), Number(header[2])];
  const pixels = file.subarray(header[0].length);
  if (pixels.length < 3 * width * height) throw new Error(`${path}: cut short`);
  return { width, height, pixels };
}

// The center, as the network takes it: pixels as they are, or planes of mean 0 and deviation 1.
function inputOf({ width, height, pixels }, manifest) {
  const { crop, resize, mean, std } = manifest;
  const shortSide = Math.min(width, height);
  if (shortSide < crop || (resize && shortSide !== resize)) {
    throw new Error(
      `the short side has ${shortSide} pixels, expected ${resize || crop}; resize the image first`,
    );
  }
  const [top, left] = [(height - crop) >> 1, (width - crop) >> 1];
  const takesPixels = manifest.input === "pixels";
  const input = takesPixels ? new Uint8Array(3 * crop * crop) : new Float32Array(3 * crop * crop);
  for (let row = 0; row < crop; row++) {
    for (let column = 0; column < crop; column++) {
      for (let color = 0; color < 3; color++) {
        const pixel = pixels[3 * ((top + row) * width + left + column) + color];
        if (takesPixels) input[3 * (row * crop + column) + color] = pixel;
        else input[(color * crop + row) * crop + column] = (pixel / 255 - mean[color]) / std[color];
      }
    }
  }
  return takesPixels
    ? new ort.Tensor("uint8", input, [1, crop, crop, 3])
    : new ort.Tensor("float32", input, [1, 3, crop, crop]);
}

function pack(relaxed) {
  const bytes = new Uint8Array(Math.ceil(relaxed.length / 8));
  relaxed.forEach((value, bit) => {
    if (value >= 0) bytes[bit >> 3] |= 1 << bit % 8;
  });
  return bytes;
}

async function encode(manifestPath, imagePath) {
  const manifest = JSON.parse(readFileSync(manifestPath, "utf8"));
  const session = await ort.InferenceSession.create(
    manifestPath.replace(/\.manifest\.json$/, ".onnx"),
  );
  const input = inputOf(readPpm(imagePath), manifest);
  const outputs = await session.run({ [manifest.input_name]: input });
  const { data } = outputs[session.outputNames[0]];
  return manifest.output === "packed" ? data : pack(data);
}

if (process.argv.length !== 4) {
  console.error("usage: node encode.mjs NAME.manifest.json IMAGE.ppm");
  process.exit(2);
}
try {
  console.log(Buffer.from(await encode(process.argv[2], process.argv[3])).toString("hex"));
} catch (error) {
  console.error(`encode: error: ${error.message}`);
  process.exit(1);
}
