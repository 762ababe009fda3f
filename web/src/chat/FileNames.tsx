import { FileText } from 'lucide-react';
import type { AttachmentName } from '../api/types';

/** The files that went along with a question. */
export function FileNames({ files }: { files: readonly AttachmentName[] | undefined }) {
  if (!files?.length) return null;
  return (
    <ul className="question-files">
      {files.map((file) => (
        <li key={file.id}>
          <FileText size={15} aria-hidden /> {file.name}
        </li>
      ))}
    </ul>
  );
}
