import { useQuery } from '@tanstack/react-query';
import { ask } from './client';
import type { Model } from './types';

/** The models that write; null until the server has said. */
export function useModels(): Model[] | null {
  const { data } = useQuery({
    queryKey: ['models'],
    queryFn: () => ask<{ data: Model[] }>('GET', '/v1/models'),
    staleTime: 60_000,
  });
  return data?.data.filter((model) => model.capabilities.completion_chat) ?? null;
}
