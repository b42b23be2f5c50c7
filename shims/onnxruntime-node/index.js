export * from 'lanewise/onnxruntime';
export { default } from 'lanewise/onnxruntime';
