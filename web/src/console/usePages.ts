import { useInfiniteQuery } from '@tanstack/react-query';

/** Entries of a page of a list that the server counts. */
export const PAGE = 50;

/** A list that the server gives by numbered pages, as far as it was asked for; undefined until the first is there. */
export function usePages<Item>(name: readonly string[], ask: (page: number) => Promise<{ data: Item[] }>) {
  const { data, hasNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: name,
    queryFn: ({ pageParam }) => ask(pageParam),
    initialPageParam: 0,
    getNextPageParam: (last, all) => (last.data.length === PAGE ? all.length : null),
  });
  return {
    items: data?.pages.flatMap((page) => page.data),
    onMore: hasNextPage ? () => void fetchNextPage() : null,
  };
}
