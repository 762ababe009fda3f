import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { precompressed } from './build/precompressed.ts';

const SERVER = process.env.GALERNE_URL ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [react(), precompressed()],
  build: {
    outDir: '../src/galerne/api/built_pages',
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0, // the policy of our pages knows no data: but for images
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
  },
  server: { proxy: { '/v1': SERVER } },
  test: { include: ['tests/**/*.test.{ts,tsx}'] },
} as ReturnType<typeof defineConfig> & { test: object });
