import { useQuery } from '@tanstack/react-query';
import { ask } from './client';
import type { Model } from './types';

/** The models that write; null until the server has said. */
export function useModels(): Model[] | null {
  const { data } = useQuery({ queryKey: ['models'], queryFn: listModels, staleTime: 5000 });
  return data ?? null;
}

export async function listModels(): Promise<Model[]> {
  const { data } = await ask<{ data: Model[] }>('GET', '/v1/models');
  return data.filter((model) => model.capabilities.completion_chat);
}
