/** The declarations of onnxruntime-common mention types of the browser; in Node.js there are no such values. */

type HTMLImageElement = never;
type ImageBitmap = never;
type ImageData = never;
type WebGLRenderingContext = never;
type WebGLTexture = never;
