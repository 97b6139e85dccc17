import { defineConfig } from "vite";

export default defineConfig({
  base: "/static/",
  publicDir: false,
  build: {
    outDir: "../src/holdfast/server/static",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    // The page runs under a policy without inline code and data: scripts.
    modulePreload: false,
    assetsInlineLimit: 0,
  },
  server: {
    proxy: { "/v1": { target: "http://127.0.0.1:8000", ws: true } },
  },
});
