// Writes Foxglove's FlatBuffers schemas into a folder: node print_schemas.cjs NODE_MODULES FOLDER.
// The package has no command for it; its repository makes its own copies with these functions.
const fs = require("fs");
const path = require("path");

const [modules, folder] = process.argv.slice(2);
const internal = path.resolve(modules, "@foxglove/schemas/dist/internal");
const flatbuffers = require(path.join(internal, "generateFlatbufferSchema.js"));
const { foxgloveEnumSchemas, foxgloveMessageSchemas } = require(path.join(internal, "schemas.js"));

const texts = {
  ByteVector: flatbuffers.BYTE_VECTOR_FB,
  Duration: flatbuffers.DURATION_FB,
  Time: flatbuffers.TIME_FB,
};
for (const schema of Object.values(foxgloveMessageSchemas)) {
  if (schema.name === "Timestamp" || schema.name === "Duration") continue; // Structs, see above.
  const enums = Object.values(foxgloveEnumSchemas).filter(
    (item) => item.parentSchemaName === schema.name,
  );
  texts[schema.name] = flatbuffers.generateFlatbuffers(schema, enums);
}
fs.mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(texts)) {
  fs.writeFileSync(path.join(folder, `${name}.fbs`), text);
}
